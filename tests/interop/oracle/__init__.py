"""The real Megatron-Core, Megatron Bridge and transformers, as jobs that the tests give to a few
processes.

jobs.py starts them, peers.py does what needs Megatron, plain.py what needs transformers alone. See
../README.md.
"""
