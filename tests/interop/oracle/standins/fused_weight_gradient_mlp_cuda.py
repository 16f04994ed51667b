"""Megatron-Core asks whether this is there; only backward passes call it."""
