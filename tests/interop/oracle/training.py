"""Jobs that train with the real Megatron-Core and save and load as the real Bridge does, on a CPU.

python -m oracle.training JOBS RESULTS

Real: the model, DistributedDataParallel, the optimizers, the scheduler, the schedule of micro-
batches, save_checkpoint and load_checkpoint. The loop is Bridge's train_step, written here.
"""

import math
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from oracle import boot, jobs
from oracle.peers import ON_CPU, alone

# Fused, a step rounds otherwise; and one process trains all, unless the rules say more.
UNFUSED = {
    "bias_activation_fusion": False,
    "bias_dropout_fusion": False,
    "masked_softmax_fusion": False,
    "persist_layer_norm": False,
    "moe_token_dispatcher_type": "alltoall",
    "tensor_model_parallel_size": 1,
    "pipeline_model_parallel_size": 1,
    "context_parallel_size": 1,
    "sequence_parallel": False,
}


@dataclass
class Rules:
    """Settings of a run; steps are iterations, as in a recipe."""

    micro_batch: int = 2
    accumulate: int = 2
    train_iters: int = 20
    lr: float = 1e-3
    min_lr: float = 1e-4
    warmup: int = 3
    decay: int = 20
    style: str = "cosine"
    weight_decay: float = 0.1
    clip: float = 1.0
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    dtype: str = "float32"
    optimizer: str = "distributed"  # or "plain"
    fully_reshardable: bool = True
    model: dict = field(default_factory=dict)  # fields of Bridge's provider
    use_checkpoint_schedule: bool = False
    experts: int = 1  # ranks that share the experts, and the micro-batches of a step

    @property
    def global_batch(self) -> int:
        return self.micro_batch * self.accumulate

    @property
    def distributed(self) -> bool:
        return self.optimizer == "distributed"


def prepare() -> None:
    """What Megatron needs to train without a GPU, and without Transformer Engine's optimizer."""
    import megatron.core.distributed.param_and_grad_buffer as buffers
    import torch
    from megatron.core.optimizer.distrib_optimizer import DistributedOptimizer

    said = torch.Tensor.type

    def type_on_gpu(tensor, *arguments, **named):  # clipping asserts torch.cuda.FloatTensor
        answer = said(tensor, *arguments, **named)
        return answer.replace("torch.", "torch.cuda.", 1) if isinstance(answer, str) else answer

    def reduce_scatter(output, input, op=None, group=None, async_op=False):
        """gloo has none. Megatron's `output` is a part of `input`, which may be summed whole."""
        assert output.untyped_storage().data_ptr() == input.untyped_storage().data_ptr()
        return torch.distributed.all_reduce(input, op=op, group=group, async_op=async_op)

    exchange = torch.distributed.all_to_all_single

    def exchange_parts(output, input, output_split_sizes=None, input_split_sizes=None, **named):
        """Megatron makes numbers of sizes that are on a GPU only."""
        sizes = (output_split_sizes, input_split_sizes)
        plain = [each if each is None else [int(size) for size in each] for each in sizes]
        return exchange(output, input, *plain, **named)

    put = DistributedOptimizer._set_main_param_and_optimizer_states

    def put_with_step(self, parameter, tensors):
        """torch's AdamW has a tensor `step`, which a checkpoint keeps in the groups instead."""
        group, order = self.model_param_group_index_map[parameter]
        master = self.optimizer.param_groups[group]["params"][order]
        put(self, parameter, {"step": self.optimizer.state[master]["step"], **tensors})

    held = {"state": torch.zeros(16, dtype=torch.uint8)}  # of the generator of a GPU
    torch.cuda.get_rng_state = lambda *arguments, **named: held["state"]
    torch.cuda.set_rng_state = lambda state, *arguments, **named: held.update(state=state)
    torch.distributed.all_to_all_single = exchange_parts
    torch.Tensor.type = type_on_gpu
    buffers.dist_reduce_scatter_func = reduce_scatter
    DistributedOptimizer._set_main_param_and_optimizer_states = put_with_step


class Run:
    def __init__(self, hf: str, rules: Rules, sequence: int) -> None:
        import torch
        from megatron.bridge import AutoBridge
        from megatron.core import optimizer, tensor_parallel
        from megatron.core.distributed import DistributedDataParallelConfig, finalize_model_grads
        from megatron.core.utils import get_model_config

        dtype = getattr(torch, rules.dtype)
        self.rules = rules
        self.provider = AutoBridge.from_hf_pretrained(hf, torch_dtype=dtype).to_megatron_provider(
            load_weights=True
        )
        dtypes = dict.fromkeys(("params_dtype", "autocast_dtype", "pipeline_dtype"), dtype)
        fixed = {
            "bf16": dtype == torch.bfloat16,
            "seq_length": sequence,
            "expert_model_parallel_size": rules.experts,
        }
        for name, value in {**ON_CPU, **UNFUSED, **dtypes, **fixed, **rules.model}.items():
            if hasattr(self.provider, name):
                setattr(self.provider, name, value)
        self.provider.finalize()
        self.ddp = DistributedDataParallelConfig(
            use_distributed_optimizer=rules.distributed,
            grad_reduce_in_fp32=True,
            overlap_grad_reduce=False,
            check_for_nan_in_grad=False,
        )
        self.model = self.provider.provide_distributed_model(
            ddp_config=self.ddp,
            wrap_with_ddp=True,
            use_cpu_initialization=True,
            data_parallel_random_init=False,
        )
        for part in self.model:
            part.train()
        self.optimizer = optimizer.get_megatron_optimizer(
            optimizer.OptimizerConfig(
                optimizer="adam",
                lr=rules.lr,
                min_lr=rules.min_lr,
                weight_decay=rules.weight_decay,
                adam_beta1=rules.beta1,
                adam_beta2=rules.beta2,
                adam_eps=rules.eps,
                clip_grad=rules.clip,
                bf16=dtype == torch.bfloat16,
                params_dtype=dtype,
                use_distributed_optimizer=rules.distributed,
            ),
            self.model,
        )
        self.scheduler = self._scheduler()
        config = get_model_config(self.model[0])
        config.grad_scale_func = self.optimizer.scale_loss
        config.finalize_model_grads_func = finalize_model_grads
        self.step = 0
        # Bridge refuses to load random states without one that has a name: those of a CPU.
        random = torch.arange(16, dtype=torch.uint8)
        tensor_parallel.get_cuda_rng_tracker().set_states({"model-parallel-rng": random})

    def _scheduler(self):
        from megatron.core.optimizer_param_scheduler import OptimizerParamScheduler

        rules = self.rules
        return OptimizerParamScheduler(
            self.optimizer,
            init_lr=0.0,
            max_lr=rules.lr,
            min_lr=rules.min_lr,
            lr_warmup_steps=rules.warmup * rules.global_batch,
            lr_decay_steps=rules.decay * rules.global_batch,
            lr_decay_style=rules.style,
            start_wd=rules.weight_decay,
            end_wd=rules.weight_decay,
            wd_incr_steps=rules.train_iters * rules.global_batch,
            wd_incr_style="constant",
            use_checkpoint_opt_param_scheduler=rules.use_checkpoint_schedule,
        )

    def _inner(self) -> Iterator:
        """torch's optimizers."""
        for each in getattr(self.optimizer, "chained_optimizers", [self.optimizer]):
            yield each.optimizer

    def _state(self, save: str | None, load: str | None):
        from megatron.bridge.training import config
        from megatron.bridge.training.state import GlobalState, TrainState

        state = GlobalState()
        state.cfg = config.ConfigContainer(
            model=self.provider,
            train=None,
            optimizer=self.optimizer.config,
            ddp=self.ddp,
            scheduler=None,
            dataset=None,
            logger=config.LoggerConfig(),
            tokenizer=None,
            dist=None,
            rng=config.RNGConfig(seed=1),
            checkpoint=config.CheckpointConfig(
                async_save=False,
                save=save,
                load=load,
                save_optim=True,
                save_rng=True,
                load_rng=True,
                ckpt_format="torch_dist",
                dist_ckpt_strictness="raise_all",
                dist_ckpt_optim_fully_reshardable=self.rules.fully_reshardable,
            ),
        )
        state.train_state = TrainState()
        state.train_state.step = self.step
        state.train_state.consumed_train_samples = self.step * self.rules.global_batch
        return state

    def save(self, root: str) -> None:
        from megatron.bridge.training.checkpointing import save_checkpoint

        save_checkpoint(
            self._state(root, None), self.model, self.optimizer, self.scheduler, 0
        )

    def load(self, root: str) -> dict:
        """Everything is NaN before: a value that was not loaded shows. Returns Bridge's counters."""
        import torch
        from megatron.bridge.training.checkpointing import load_checkpoint
        from megatron.core import num_microbatches_calculator as calculator

        rules = self.rules
        calculator.destroy_num_microbatches_calculator()
        calculator.init_num_microbatches_calculator(
            0, None, rules.global_batch, rules.micro_batch, 1
        )
        for inner in self._inner():  # so that there is a state to fill
            if rules.distributed:
                for group in inner.param_groups:
                    for parameter in group["params"]:
                        parameter.grad = torch.zeros_like(parameter)
                inner.step()
                inner.zero_grad()
            for state in inner.state.values():
                for name in ("exp_avg", "exp_avg_sq"):
                    state[name].fill_(math.nan)
        with torch.no_grad():
            for part in self.model:
                for parameter in part.parameters():
                    parameter.fill_(math.nan)
        state = self._state(None, root)
        load_checkpoint(state, self.model, self.optimizer, self.scheduler)
        for inner in self._inner():
            for each in inner.state.values():
                for name in ("exp_avg", "exp_avg_sq"):
                    assert not each[name].isnan().any(), name
                # Loaded, all share one tensor, which every parameter's update would increment.
                each["step"] = each["step"].clone()
        missed = [
            name
            for part in self.model
            for name, parameter in part.named_parameters()
            if parameter.isnan().any()
        ]
        assert not missed, f"never loaded: {missed}"
        self.step = state.train_state.step
        steps = {float(each["step"]) for inner in self._inner() for each in inner.state.values()}
        return {"counters": asdict(state.train_state), "adam_steps": sorted(steps)}

    def train(self, batches) -> dict:
        """One step on `batches`: [micro-batch, row, length + 1], dealt to the ranks in turn."""
        import torch
        from megatron.bridge.training.losses import create_masked_next_token_loss_function
        from megatron.core.optimizer_param_scheduler import get_canonical_lr_for_logging
        from megatron.core.pipeline_parallel.schedules import get_forward_backward_func

        rules = self.rules
        batches = batches[torch.distributed.get_rank() :: rules.experts]
        length = batches.shape[-1] - 1
        positions = torch.arange(length)[None].expand(rules.micro_batch, length).contiguous()

        def forward(iterator, model):
            rows = torch.from_numpy(next(iterator)).long()
            mask = torch.ones(rules.micro_batch, length)
            output = model(
                input_ids=rows[:, :-1].contiguous(),
                position_ids=positions,
                attention_mask=None,
                labels=rows[:, 1:].contiguous(),
                loss_mask=mask,
            )
            return output, create_masked_next_token_loss_function(mask, True, False)

        for part in self.model:
            part.zero_grad_buffer()
        self.optimizer.zero_grad()
        lr = get_canonical_lr_for_logging(self.optimizer.param_groups)
        outputs = get_forward_backward_func()(
            forward_step_func=forward,
            data_iterator=iter(batches),
            model=self.model,
            num_microbatches=len(batches),
            seq_length=length,
            micro_batch_size=rules.micro_batch,
            forward_only=False,
        )
        applied, norm, _ = self.optimizer.step()
        assert applied
        self.scheduler.step(increment=rules.global_batch)
        self.step += 1
        sums = torch.stack([output["lm loss"].double() for output in outputs]).sum(0)
        torch.distributed.all_reduce(sums)
        return {"loss": (sums[0] / sums[1]).item(), "grad_norm": float(norm), "lr": lr}


def train(
    hf: str,
    tokens: str,
    rules: dict | None = None,
    load: str | None = None,
    resaved: str | None = None,
    until: int = 0,
    saves: dict[str, str] | None = None,
) -> jobs.Result:
    """Trains `hf`, or goes on from the checkpoint `load`, until step `until` on the rows of the
    file `tokens` (.npy: [step, micro-batch, row, length + 1]).

    resaved: where to save what was loaded, unchanged. saves: step → where to save after it.
    """
    import numpy as np

    data = np.load(tokens)
    result: dict = {"steps": []}
    chosen = Rules(**(rules or {}))
    with boot.process_group(expert_model_parallel_size=chosen.experts):
        run = Run(hf, chosen, data.shape[-1] - 1)
        if load:
            result |= run.load(load)
        if resaved:
            run.save(resaved)
        while run.step < until:
            result["steps"].append({"step": run.step, **run.train(data[run.step])})
            if str(run.step) in (saves or {}):
                run.save(saves[str(run.step)])
    return result


if __name__ == "__main__":
    boot.install()
    prepare()
    jobs.serve({"train": alone(train)}, *sys.argv[1:3])
