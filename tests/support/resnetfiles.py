"""ResNet state dicts as the world writes them, for tests: right in every name and shape, cheap to save.

A tensor that repeats one number is stored as that number alone, so that a file with all the shapes of ResNet-50 takes
few bytes; `full` gives every weight its own value.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vistream.models.resnet import Depth, ResNet

State = dict[str, Tensor]


def state_dict(depth: Depth, full: bool = False, classes: int = 1000) -> State:
    """As torchvision's (and timm's): 122 keys for ResNet-18, 320 for ResNet-50."""
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in ResNet(depth).state_dict().items()}
    shapes |= {"fc.weight": torch.Size((classes, shapes["fc.weight"][1])), "fc.bias": torch.Size((classes,))}
    generator = torch.Generator().manual_seed(depth)
    return {name: _value(name, shape, generator, full) for name, shape in shapes.items()}


def _value(name: str, shape: torch.Size, generator: torch.Generator, full: bool) -> Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.tensor(90)
    if len(shape) > 1 and full:
        return torch.randn(shape, generator=generator).mul_((2.0 / shape[1:].numel()) ** 0.5)
    last_norm = name.endswith(("bn3.weight", "bn3.bias"))
    constant = {"running_var": 1.0, "running_mean": 0.0, "weight": 0.25 if last_norm else 1.0, "bias": -0.05}
    return torch.tensor(constant[name.rsplit(".", 1)[1]]).expand(shape)


def with_steps(state: State, depth: Depth, step: float = 0.25) -> State:
    """With a learned step for every ReLU, in the place that its module has: ViStream's layout, 139 or 369 keys."""
    with torch.device("meta"):
        names = [name for name, part in ResNet(depth).named_modules() if isinstance(part, nn.ReLU)]
    return state | {f"{name}.s": torch.tensor(step * (1 + i / 100)) for i, name in enumerate(names)}
