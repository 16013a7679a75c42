"""The small offline world behind `demo_videos/`: a plaza, people who walk across it, a camera, and exact truth."""
