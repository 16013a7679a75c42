"""A source from its first to its last frame; many sources; resumption."""
