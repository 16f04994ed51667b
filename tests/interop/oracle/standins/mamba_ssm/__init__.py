"""A stand-in in plain torch for what megatron.core.ssm.mamba_mixer uses of mamba-ssm; supplies
`mixer.norm.weight`.
"""

__version__ = "2.2.5"
