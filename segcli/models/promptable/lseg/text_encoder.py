"""CLIP's text tower (Radford et al. 2021, arXiv:2103.00020, section 2.4)."""

from __future__ import annotations

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from segcli.models.promptable.lseg.tokenizer import CONTEXT_LENGTH, VOCABULARY


class TextEncoder(nn.Layer):
    """Token ids to one vector per text.

    Args:
        width: Width of the transformer.
        depth: Number of blocks.
        num_heads: Attention heads per block.
        out_dim: Width of the space shared with the images.
    """

    def __init__(self, width: int, depth: int, num_heads: int, out_dim: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(VOCABULARY, width)
        normal = nn.initializer.Normal(std=0.01)
        self.positional_embedding = self.create_parameter([CONTEXT_LENGTH, width], default_initializer=normal)
        self.transformer = _Transformer(width, depth, num_heads)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = self.create_parameter(
            [width, out_dim], default_initializer=nn.initializer.Normal(std=width**-0.5)
        )

    def forward(self, tokens: paddle.Tensor) -> paddle.Tensor:
        """Maps token ids ``[K, 77]`` integer to ``[K, out_dim]`` float32, not normalised."""
        x = self.token_embedding(tokens) + self.positional_embedding
        x = self.ln_final(self.transformer(x))
        # The end-of-text token has the largest id; its vector represents the text. A product with a one-hot row
        # can be exported, indexing cannot.
        is_end = F.one_hot(paddle.argmax(tokens, axis=-1), CONTEXT_LENGTH).unsqueeze(1)
        return paddle.matmul(paddle.matmul(is_end, x).squeeze(1), self.text_projection)


class _Transformer(nn.Layer):
    def __init__(self, width: int, depth: int, num_heads: int) -> None:
        super().__init__()
        self.resblocks = nn.LayerList([_Block(width, num_heads) for _ in range(depth)])

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        for block in self.resblocks:
            x = block(x)
        return x


class _Block(nn.Layer):
    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.attn = CausalAttention(width, num_heads)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = _FeedForward(width)
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        x = x + self.attn(self.ln_1(x))
        out: paddle.Tensor = x + self.mlp(self.ln_2(x))
        return out


class CausalAttention(nn.Layer):
    """Attention to earlier tokens; the joint projection keeps torch's layout ``[3 * width, width]`` and name."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads, self.head_dim = num_heads, width // num_heads
        self.in_proj_weight = self.create_parameter([3 * width, width])
        self.in_proj_bias = self.create_parameter([3 * width], is_bias=True)
        self.out_proj = nn.Linear(width, width)
        mask = np.triu(np.full((CONTEXT_LENGTH, CONTEXT_LENGTH), -np.inf, np.float32), k=1)
        self.register_buffer("mask", paddle.to_tensor(mask), persistable=False)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Maps ``[K, 77, width]`` to the same shape."""
        heads, width = self.num_heads, self.head_dim
        qkv = paddle.matmul(x, self.in_proj_weight, transpose_y=True) + self.in_proj_bias
        qkv = qkv.reshape([-1, CONTEXT_LENGTH, 3, heads, width]).transpose([2, 0, 3, 1, 4])
        scores = paddle.matmul(qkv[0] * width**-0.5, qkv[1], transpose_y=True) + self.mask
        out = paddle.matmul(F.softmax(scores), qkv[2]).transpose([0, 2, 1, 3])
        return self.out_proj(out.reshape([-1, CONTEXT_LENGTH, heads * width]))


class _FeedForward(nn.Layer):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        x = self.c_fc(x)
        return self.c_proj(x * F.sigmoid(1.702 * x))  # CLIP's approximation of GELU
