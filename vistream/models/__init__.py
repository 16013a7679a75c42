"""Float networks as plain torch modules, where their weights come from, and how they are read."""
