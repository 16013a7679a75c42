#!/usr/bin/env bash
# Run the tracker over a dataset and print how well it did: the demo clips, or the folder of a dataset.
# Usage: bash eval.sh [vos|mot|mots|pose|sot|semseg|all] [ROOT]
# More options, such as --detections, --fidelity, --output and --jobs: vistream eval --help
set -euo pipefail
task=${1:-all}
root=${2:-$(dirname "$0")/demo_videos}
case $task in
    vos | mot | mots | pose | sot | semseg) tasks=("$task") ;;
    all) tasks=(mot mots pose vos sot semseg) ;;
    *)
        echo "eval.sh: no task is called '$task': it is one of vos, mot, mots, pose, sot, semseg, all" >&2
        exit 2
        ;;
esac
# the demo clips are long for the tasks that look at the whole picture: their first frames say as much
limit=()
[ $# -ge 2 ] || limit=(--max-frames 60)
for each in "${tasks[@]}"; do
    vistream eval --task "$each" --data "$root" --jobs 2 "${limit[@]}"
done
