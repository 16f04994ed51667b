"""The table of hostile inputs."""

from args_rows import args_rows
from case import Case
from dataset_rows import dataset_rows
from hugging_face_rows import config_rows, index_rows, safetensors_rows
from small_file_rows import place_rows, small_rows, tokenizer_rows
from torch_dist_rows import archive_rows, metadata_rows

CASES: list[Case] = [
    *safetensors_rows(),
    *index_rows(),
    *config_rows(),
    *place_rows(),
    *small_rows(),
    *tokenizer_rows(),
    *args_rows(),
    *metadata_rows(),
    *archive_rows(),
    *dataset_rows(),
]
