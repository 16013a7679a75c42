"""Sources (file, camera, stream, folder, glob) and sinks (annotated mp4)."""
