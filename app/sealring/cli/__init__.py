"""The command line, `sealring`: click, and nothing else."""
