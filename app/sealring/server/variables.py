"""The environment variables by which the processes of a server tell each other what they are."""

from __future__ import annotations

SETTINGS_VARIABLE = "SEALRING_CONFIG"  # tells the master the path of the settings
THREADS_VARIABLE = "SEALRING_THREADS"  # tells the app how many requests its worker serves at once
WORKERS_VARIABLE = "SEALRING_WORKERS"  # tells the app how many workers share a rate
METRICS_VARIABLE = "SEALRING_METRICS"  # tells a master what the one that has started it leaves to it of the metrics
