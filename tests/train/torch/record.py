"""What PyTorch computes, for the tests beside this file: `python record.py` writes `recorded.json`.

Numbers that are fp32 there are written as they are.
"""

import json
from pathlib import Path

import torch
from torch.optim import SGD, AdamW
from torch.optim import lr_scheduler as schedules

STEPS, SIZE = 6, 9


def descent(kind, **settings):
    """A few steps of an optimizer along made-up gradients, at learning rates that change."""
    torch.manual_seed(3)
    parameter = torch.nn.Parameter(torch.randn(SIZE))
    optimizer = kind([parameter], lr=0.1, **settings)
    case = {"settings": settings, "begin": parameter.tolist(), "steps": []}
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = lr = 0.1 / (1 + step)
        parameter.grad = torch.randn(SIZE)
        gradient = parameter.grad.tolist()
        optimizer.step()
        case["steps"].append({"lr": lr, "gradient": gradient, "parameter": parameter.tolist()})
    return case


def losses():
    """Cross entropy of soft targets: mean loss and its gradient."""
    torch.manual_seed(5)
    cases = []
    for smoothing in (0.0, 0.1):
        for mixed in (False, True):
            logits = (3 * torch.randn(4, 6)).requires_grad_()
            labels, others = torch.tensor([0, 3, 5, 2]), torch.tensor([4, 3, 1, 0])
            shares = torch.tensor([0.5, 0.25, 0.0, 0.125]) if mixed else torch.zeros(4)
            hot = torch.nn.functional.one_hot
            kept = (1 - shares)[:, None] * hot(labels, 6)
            target = kept + shares[:, None] * hot(others, 6)
            loss = torch.nn.functional.cross_entropy(logits, target, label_smoothing=smoothing)
            loss.backward()
            cases.append({
                "smoothing": smoothing,
                "logits": logits.flatten().tolist(),
                "labels": labels.tolist(),
                "others": others.tolist(),
                "shares": shares.tolist(),
                "loss": loss.item(),
                "gradient": logits.grad.flatten().tolist(),
            })
    return cases


def curve(steps, schedule):
    """The learning rates of so many steps of a schedule that begins at 0.5."""
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    schedule = schedule(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def curves():
    """Of 12 epochs, a step each; of the one cycle, 12 epochs of 5 steps."""
    return {
        "steps": curve(12, lambda o: schedules.MultiStepLR(o, [3, 7, 8], gamma=0.2)),
        "linear": curve(12, lambda o: schedules.LinearLR(o, 1.0, 0.1, total_iters=12)),
        "poly": curve(12, lambda o: schedules.PolynomialLR(o, total_iters=12, power=1.7)),
        "exponential": curve(12, lambda o: schedules.ExponentialLR(o, gamma=0.83)),
        "cosine": curve(12, lambda o: schedules.CosineAnnealingLR(o, 12, eta_min=0.01)),
        "one_cycle": curve(60, lambda o: schedules.OneCycleLR(
            o, 0.5, total_steps=60, pct_start=0.3, div_factor=25, final_div_factor=1e4,
            cycle_momentum=False)),
    }


recorded = {
    "torch": torch.__version__,
    "sgd": [
        descent(SGD),
        descent(SGD, weight_decay=0.01),
        descent(SGD, momentum=0.9, weight_decay=5e-4),
        descent(SGD, momentum=0.9, nesterov=True, weight_decay=0.01),
    ],
    "adamw": [descent(AdamW, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.05)],
    "losses": losses(),
    "curves": curves(),
}
Path(__file__).with_name("recorded.json").write_text(json.dumps(recorded) + "\n")
