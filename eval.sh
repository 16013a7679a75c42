#!/usr/bin/env bash
# Track the demo clips with their public detections and verify that the stream is exact: a quick look at everything.
# Usage: bash eval.sh
set -euo pipefail
cd "$(dirname "$0")"
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
for clip in plaza_static plaza_pan; do
    vistream track "demo_videos/$clip.mp4" --detections "demo_videos/$clip/det/det.txt" --mot-txt "$results/$clip.txt"
    vistream verify "demo_videos/$clip.mp4" --max-frames 20 --every 5
done
