"""Functions of tensors that return a tensor."""

from collections.abc import Callable

from paddle import Tensor

def __getattr__(name: str) -> Callable[..., Tensor]: ...
