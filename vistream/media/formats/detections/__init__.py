"""Detections in the forms that people have: text, JSON and XML, files and folders."""
