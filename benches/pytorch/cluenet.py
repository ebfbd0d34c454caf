"""CLUENet (arXiv 2512.06345) in plain PyTorch: the peer that `cluec` is measured against.

Maps are [B, H, W, C] throughout, so that norms and linear layers read them as they lie; convolutions
see the same memory as a channels-last NCHW view. Parameters carry the published names and layouts.
Letters: B images, N = H*W pixels, M centers of a grid, h heads of width d, A = h*d.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Config:
    """Sizes of one model; tuples have one value per stage."""

    depths: tuple[int, ...]
    widths: tuple[int, ...]
    ratios: tuple[int, ...]
    heads: tuple[int, ...]
    head_widths: tuple[int, ...]
    grids: tuple[tuple[int, int], ...]  # centers, rows x columns
    patch: tuple[int, int, int] = (4, 4, 0)  # kernel, stride, padding
    downsample: tuple[bool, ...] = (True,) * 4  # halve the map after a stage, even if the width stays
    pool_norm: bool = False  # a norm at the end of cluster pooling
    shared: bool = True  # the first block of a stage assigns for all its blocks
    min_tau: float = 1e-4
    drop_path: float = 0.0
    classes: int = 100
    image: tuple[int, int] = (224, 224)


def _four(depths, widths, heads, head_width, grid, **rest) -> Config:
    return Config(depths, widths, (8, 8, 4, 4), heads, (head_width,) * 4, ((grid, grid),) * 4, **rest)


_SLIM, _WIDE = (32, 64, 160, 256), (64, 128, 320, 512)
MODELS = {
    "cluenet_cifar": _four((2, 2, 2, 2), _SLIM, (1, 2, 5, 8), 32, 4, patch=(3, 1, 1), pool_norm=True,
                           drop_path=0.1, image=(32, 32)),
    "cluenet_micro": _four((2, 2, 2, 2), _SLIM, (1, 2, 5, 8), 32, 7, pool_norm=True, drop_path=0.1),
    "cluenet_tiny": _four((3, 4, 5, 2), (32, 64, 196, 320), (4, 4, 8, 8), 24, 7, drop_path=0.1),
    "cluenet_small": _four((2, 2, 6, 2), _WIDE, (4, 4, 8, 8), 32, 7, drop_path=0.3),
    "cluenet_base": _four((4, 4, 12, 4), _WIDE, (6, 6, 12, 12), 32, 7, drop_path=0.3),
}


def conv(layer: nn.Module, x: Tensor) -> Tensor:
    """A convolution on a channels-last map, without copying it."""
    return layer(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def pool(x: Tensor, grid: tuple[int, int]) -> Tensor:
    """Adaptive average pooling: [B, H, W, C] -> [B, M, C]."""
    return F.adaptive_avg_pool2d(x.permute(0, 3, 1, 2), grid).permute(0, 2, 3, 1).flatten(1, 2)


def depthwise(width: int) -> nn.Conv2d:
    return nn.Conv2d(width, width, 3, padding=1, groups=width)


def pointwise(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 1)


def unit(x: Tensor) -> Tensor:
    """x / max(|x|, 1e-12) on the last axis; a product of the reciprocal is faster than F.normalize."""
    return x * torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp(min=1e-12).reciprocal()


class DropPath(nn.Module):
    """Drops a branch for whole images and makes up for it in those that keep it."""

    def __init__(self, rate: float):
        super().__init__()
        self.keep = 1.0 - rate

    def forward(self, x: Tensor) -> Tensor:
        if self.keep == 1.0 or not self.training:
            return x
        return x * x.new_empty(len(x), 1, 1, 1).bernoulli_(self.keep).div_(self.keep)


class PatchEmbed(nn.Module):
    """Pixels with their coordinates -> patches, normalized."""

    def __init__(self, width: int, patch: tuple[int, int, int]):
        super().__init__()
        kernel, stride, padding = patch
        self.proj = nn.Conv2d(5, width, kernel, stride, padding)
        self.norm = nn.LayerNorm(width)

    def forward(self, image: Tensor) -> Tensor:
        (b, _, h, w), like = image.shape, {"dtype": image.dtype, "device": image.device}
        rows = torch.arange(h, **like).div(h - 1).sub(0.5).view(1, 1, h, 1).expand(b, 1, h, w)
        columns = torch.arange(w, **like).div(w - 1).sub(0.5).view(1, 1, 1, w).expand(b, 1, h, w)
        x = torch.cat([image, rows, columns], dim=1).contiguous(memory_format=torch.channels_last)
        return self.norm(self.proj(x).permute(0, 2, 3, 1))


class Position(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.proj = nn.Sequential(depthwise(width))

    def forward(self, x: Tensor) -> Tensor:
        return x + conv(self.proj, x)


class HeadLinear(nn.Module):
    """A linear layer of its own for every head: [B, h, M, in] -> [B, h, M, out]."""

    def __init__(self, heads: int, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(heads, outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(heads, outputs))
        bound = 1 / math.sqrt(outputs * inputs)
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.mT + self.bias[:, None]


class Gate(nn.Module):
    """How much of a center is taken from its neighborhood instead of from all pixels: [B, h, M, 1]."""

    def __init__(self, heads: int, head_width: int):
        super().__init__()
        self.fc1 = HeadLinear(heads, 2 * head_width, head_width // 2)
        self.fc2 = HeadLinear(heads, head_width // 2, 1)

    def forward(self, gathered: Tensor, local: Tensor) -> Tensor:
        both = torch.cat([gathered, local], dim=-1)
        return torch.sigmoid(self.fc2(F.gelu(self.fc1(both))))


class Mixer(nn.Module):
    """Centers gather from all pixels, are refined, and are handed back to the pixels nearest to them."""

    def __init__(self, config: Config, stage: int, assigns: bool):
        super().__init__()
        width, self.heads = config.widths[stage], config.heads[stage]
        inner = self.heads * config.head_widths[stage]
        self.grid = config.grids[stage]
        self.min_alpha = math.log(config.min_tau)
        self.attn_alpha = nn.Parameter(torch.tensor(math.log(2.13)))
        self.k, self.v = pointwise(width, inner), pointwise(width, inner)
        self.proj = pointwise(inner, width)
        self.gate = Gate(self.heads, config.head_widths[stage])
        self.assigns = assigns
        if assigns:
            self.q = nn.Linear(inner, inner)
            self.sim_alpha = nn.Parameter(torch.ones(1))
            self.sim_beta = nn.Parameter(torch.zeros(1))

    def split(self, x: Tensor) -> Tensor:
        """[B, *, A] -> [B, h, *, d]"""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, x: Tensor, assignment: Tensor | None) -> tuple[Tensor, Tensor]:
        keys, values = conv(self.k, x), conv(self.v, x)
        local_keys, local = self.split(pool(keys, self.grid)), self.split(pool(values, self.grid))
        keys, values = unit(self.split(keys.flatten(1, 2))), self.split(values.flatten(1, 2))

        queries = unit(local_keys) * torch.exp(-self.attn_alpha.clamp(min=self.min_alpha))
        gathered = F.scaled_dot_product_attention(queries, keys, values, scale=1.0)
        gate = self.gate(gathered, local)
        centers = (1 - gate) * gathered + gate * local  # [B, h, M, d]

        if self.assigns:
            assignment = self.assign(centers, keys)
        y = (assignment @ centers).transpose(1, 2).reshape(*x.shape[:3], -1)
        return conv(self.proj, y), assignment

    def assign(self, centers: Tensor, keys: Tensor) -> Tensor:
        """Each pixel's similarity to its most similar center, zero for all others: [B, h, N, M]."""
        queries = unit(self.split(self.q(centers.transpose(1, 2).flatten(2))))
        similarity = torch.sigmoid(self.sim_beta + self.sim_alpha * (keys @ queries.mT))
        strongest, winner = similarity.max(dim=-1, keepdim=True)
        return torch.zeros_like(similarity).scatter(-1, winner, strongest)


class DepthwiseConv(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.dwconv = depthwise(width)

    def forward(self, x: Tensor) -> Tensor:
        return conv(self.dwconv, x)


class Mlp(nn.Module):
    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.dwconv = DepthwiseConv(hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.dwconv(self.fc1(x))))


class Block(nn.Module):
    def __init__(self, config: Config, stage: int, assigns: bool, drop_path: float):
        super().__init__()
        width = config.widths[stage]
        self.norm1 = nn.LayerNorm(width)
        self.token_mixer = Mixer(config, stage, assigns)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, int(width * config.ratios[stage]))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, assignment):
        mixed, assignment = self.token_mixer(self.norm1(x), assignment)
        x = x + self.drop_path(mixed)
        return x + self.drop_path(self.mlp(self.norm2(x))), assignment


class Stage(nn.Module):
    def __init__(self, config: Config, stage: int, drop_paths: list[float]):
        super().__init__()
        self.blocks = nn.ModuleList(
            Block(config, stage, assigns=i == 0 or not config.shared, drop_path=rate)
            for i, rate in enumerate(drop_paths)
        )

    def forward(self, x: Tensor) -> Tensor:
        assignment = None
        for block in self.blocks:
            x, assignment = block(x, assignment)
        return x


class ClusterPool(nn.Module):
    """Halves a map: each center becomes the mean of itself and of all pixels nearest to it."""

    def __init__(self, inputs: int, outputs: int, norm_out: bool):
        super().__init__()
        self.conv_skip = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.conv_f = pointwise(inputs, inputs)
        self.norm1 = nn.LayerNorm(inputs)
        self.conv_v = nn.Sequential(pointwise(inputs, inputs), nn.GELU(), pointwise(inputs, outputs))
        self.norm2 = nn.LayerNorm(outputs) if norm_out else nn.Identity()

    @torch.no_grad()
    def assign(self, centers: Tensor, pixels: Tensor) -> Tensor:
        """The nearest center of every pixel, [B, N]; a choice has no gradient."""
        return (unit(pixels) @ unit(centers).mT).max(dim=-1).indices  # the first one of equals, faster than argmax

    def forward(self, x: Tensor) -> Tensor:
        b, h, w, c = x.shape
        grid = (h // 2, w // 2)
        features = conv(self.conv_f, x)
        centers, pixels = pool(features, grid), features.flatten(1, 2)
        m = centers.shape[1]
        winner = self.assign(centers, pixels)
        rows = (winner + m * torch.arange(b, device=x.device)[:, None]).flatten()
        # Sums in fp32 whatever autocast chose for the features.
        total = centers.float().flatten(0, 1).index_add(0, rows, pixels.float().flatten(0, 1))
        count = total.new_ones(b * m).index_add(0, rows, total.new_ones(len(rows)))
        means = (total / count[:, None]).view(b, *grid, c)
        return conv(self.conv_skip, x) + self.norm2(conv(self.conv_v, self.norm1(means)))


class CLUENet(nn.Module):
    """Images [B, 3, H, W] -> logits [B, classes]."""

    def __init__(self, config: Config):
        super().__init__()
        self.patch_embed = PatchEmbed(config.widths[0], config.patch)
        self.pos_embed = Position(config.widths[0])
        last = max(sum(config.depths) - 1, 1)
        rates = iter([config.drop_path * i / last for i in range(sum(config.depths))])
        self.network = nn.ModuleList()
        for stage, depth in enumerate(config.depths):
            self.network.append(Stage(config, stage, [next(rates) for _ in range(depth)]))
            if stage + 1 == len(config.depths):
                break
            inputs, outputs = config.widths[stage : stage + 2]
            if config.downsample[stage] or inputs != outputs:
                self.network.append(ClusterPool(inputs, outputs, config.pool_norm))
        self.norm = nn.LayerNorm(config.widths[-1])
        self.head = nn.Linear(config.widths[-1], config.classes)
        self.apply(initialize)

    def forward(self, image: Tensor) -> Tensor:
        x = self.pos_embed(self.patch_embed(image))
        for layer in self.network:
            x = layer(x)
        return self.head(self.norm(x).mean(dim=(1, 2)))


def initialize(layer: nn.Module) -> None:
    """The published rules; the gate's layers keep their own."""
    if isinstance(layer, nn.Linear):
        nn.init.trunc_normal_(layer.weight, std=0.02)
        nn.init.zeros_(layer.bias)
    elif isinstance(layer, nn.Conv2d):
        fan_out = math.prod(layer.kernel_size) * layer.out_channels // layer.groups
        nn.init.normal_(layer.weight, std=math.sqrt(2 / fan_out))
        nn.init.zeros_(layer.bias)
