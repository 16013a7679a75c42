"""Parts of scripts/association_study.py."""
