"""Many sources at once: what to do (`jobs`), who does it (`processes`, `ray_actors`), who watches (`supervise`)."""
