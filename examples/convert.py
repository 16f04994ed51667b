"""From a Hugging Face model to a Megatron one in memory, and back."""

from bascule import AutoBridge

# A Hub id, in the local cache or downloaded, or a directory. Nothing of the model's code is run.
bridge = AutoBridge.from_hf_pretrained("meta-llama/Llama-3.2-1B", trust_remote_code=True)

# What the model is, in Megatron's names: to look at, or to change before it is made.
provider = bridge.to_megatron_provider()
provider.tensor_model_parallel_size = 1
provider.pipeline_model_parallel_size = 1
provider.finalize()
model = provider.provide_distributed_model(wrap_with_ddp=False)

# A whole directory, with configuration and tokenizer, proved equal to the model ...
bridge.save_hf_pretrained(model, "exported/llama32_1b")

# ... or the weights alone, one tensor at a time.
for name, weight in bridge.export_hf_weights(model, cpu=True):
    print(name, tuple(weight.shape))
