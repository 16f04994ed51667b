"""A forward step and a loss function of one's own, and a callback, on the engine's model and loop."""

from functools import partial

import bascule
from bascule.training import Callback, CallbackContext

SMOOTHING = 0.1

cfg = bascule.ConfigContainer("pretrain", "llama")
cfg.model.num_layers = 2
cfg.model.hidden_size = 64
cfg.model.ffn_hidden_size = 128
cfg.model.num_attention_heads = 4
cfg.model.vocab_size = 256
cfg.model.seq_length = 64
cfg.train.train_iters = 10
cfg.train.micro_batch_size = 2
cfg.train.global_batch_size = 4
cfg.scheduler.lr_warmup_iters = 2
cfg.validation.eval_iters = 2
cfg.logger.log_interval = 5


def smoothed_loss(labels, loss_mask, logits):
    """The loss of the next token with smoothed labels, summed, and how many tokens it is of."""
    likelihoods = logits.float().log_softmax(-1)
    hit = -likelihoods.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    losses = (1 - SMOOTHING) * hit - SMOOTHING * likelihoods.mean(-1)
    tokens = loss_mask.sum()
    reported = {"unsmoothed": (hit * loss_mask).sum().detach() / tokens}
    return (losses * loss_mask).sum(), tokens, reported


def forward_step(data_iterator, model):
    """What Megatron's loop calls for every micro-batch; so does bascule's."""
    batch = next(data_iterator)
    logits = model(batch["tokens"], batch["position_ids"])
    return logits, partial(smoothed_loss, batch["labels"], batch["loss_mask"])


class Watch(Callback):
    """Prints what it hears of a step."""

    def on_train_step_end(self, context: CallbackContext) -> None:
        step = context.state.train_state.step
        print(f"step {step}:", {name: float(mean) for name, mean in context.loss_dict.items()})


bascule.pretrain(cfg, forward_step, callbacks=[Watch()])
