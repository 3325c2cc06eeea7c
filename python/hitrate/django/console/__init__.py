"""The commands of ``manage.py hitrate`` that need Django; the others are those of ``hitrate.cli``."""
