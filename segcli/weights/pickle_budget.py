"""Simulates a pickle without executing it, to know its demand of memory and time before anything is allocated.

Nine bytes can make `pickle` allocate a table of 2^28 entries, and a hundred can describe a tuple that expands to 2^40
parts. Here instructions are only counted: the weight of the objects when every shared part counts each time, their
depth, and the numbers and lengths that they state.
"""

from __future__ import annotations

import pickletools
import struct
from dataclasses import dataclass, field
from typing import IO

from segcli.errors import WeightsError

MOST_INSTRUCTIONS = 2_000_000
"""Limit per pickle; a checkpoint of 1,000 tensors with its optimizer state has about 100,000."""
MOST_DEPTH = 100
"""Limit of nested objects; hashing a deeply nested tuple overflows C's stack."""
FREE_BYTES = 64 << 20
"""Weight that a file of any size may expand to; more is allowed in proportion to its size."""
TIMES_ITS_SIZE = 16
"""Weight allowed per byte of the pickle: each level of nested tables passes the bytes once more."""
_MEMO_SLACK = 1024

_LENGTH_FORMATS = {
    pickletools.TAKEN_FROM_ARGUMENT1: "<B",
    pickletools.TAKEN_FROM_ARGUMENT4: "<i",
    pickletools.TAKEN_FROM_ARGUMENT4U: "<I",
    pickletools.TAKEN_FROM_ARGUMENT8U: "<Q",
}
_LINES = {"GLOBAL": 2, "INST": 2}
_CALLS = frozenset({"REDUCE", "NEWOBJ", "NEWOBJ_EX", "INST", "OBJ", "BUILD", "SETITEM", "SETITEMS", "ADDITEMS", "DICT",
                    "FROZENSET"})  # fmt: skip
"""Instructions that copy, hash or pass on their arguments."""
_GROWING = frozenset({"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD"})
"""Instructions that change the object below their arguments on the stack, and leave it there."""
_GLOBALS = frozenset({"GLOBAL", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"})
_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})
_GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})
_OPCODES = {op.code.encode("latin1"): op for op in pickletools.opcodes}


@dataclass(eq=False)
class _Object:
    """An object that a pickle describes.

    Attributes:
        weight: Number of its parts plus the bytes of its texts and numbers; shared ones count each time.
        depth: Levels of nested objects in it.
        is_global: Whether it is a function or class that the pickle names.
    """

    weight: int = 1
    depth: int = 1
    is_global: bool = False


_MARK = _Object()


@dataclass
class _Pickle:
    """The state of a simulated pickle machine, which holds weights in place of objects."""

    most_weight: int
    stack: list[_Object] = field(default_factory=list)
    memo: dict[int, _Object] = field(default_factory=dict)
    instructions: int = 0
    passed: int = 0

    def follow(self, op: pickletools.OpcodeInfo, argument: int) -> None:
        """Applies an instruction to the weights; `argument` is its number, or the length of its payload in bytes."""
        self.instructions += 1
        if self.instructions > MOST_INSTRUCTIONS:
            raise _hostile(f"has more than {MOST_INSTRUCTIONS:,} instructions")
        if op.name == "MARK":
            self.stack.append(_MARK)
        elif op.name in _PUTS:
            self._put(len(self.memo) if op.name == "MEMOIZE" else argument)
        elif op.name in _GETS:
            if argument not in self.memo:
                raise _damaged("refers to an object that does not exist")
            self.stack.append(self.memo[argument])
        elif op.name == "DUP":
            self.stack.append(self._top())
        elif op.name == "POP":
            self._pop()
        else:
            self._make(op, argument if op.arg is not None and op.arg.n < 0 else 0)

    def _put(self, index: int) -> None:
        if not 0 <= index <= self.instructions + _MEMO_SLACK:
            raise _hostile(f"numbers an object {index:,}, but has only {self.instructions:,} of them so far")
        self.memo[index] = self._top()

    def _make(self, op: pickletools.OpcodeInfo, payload: int) -> None:
        taken: list[_Object] = []
        below = list(op.stack_before)
        if pickletools.markobject in below:
            while (top := self._pop()) is not _MARK:
                taken.append(top)
            below = below[: below.index(pickletools.markobject)]
        if op.name in _GROWING:
            below = below[1:]
        taken += [self._pop() for _ in below]
        weight = sum(part.weight for part in taken)
        depth = max((part.depth for part in taken), default=0)
        if op.name in _CALLS:
            self.passed += weight
        if op.name in _GROWING:
            self._grow(self._top(), weight, depth, is_state=op.name == "BUILD")
        else:
            made = [_Object(1 + payload + weight, 1 + depth, op.name in _GLOBALS) for _ in op.stack_after]
            self.stack += made
            for one in made:
                self._check(one)

    def _grow(self, grown: _Object, weight: int, depth: int, *, is_state: bool) -> None:
        if grown is _MARK or (is_state and grown.is_global):
            raise _hostile("sets the state of a function")
        grown.weight += weight
        grown.depth = max(grown.depth, 1 + depth)
        self._check(grown)

    def _check(self, made: _Object) -> None:
        if made.depth > MOST_DEPTH:
            raise _hostile(f"nests more than {MOST_DEPTH} objects in one another")
        if max(made.weight, self.passed) > self.most_weight:
            raise _hostile("repeats parts of itself until they fill the memory")

    def _top(self) -> _Object:
        if not self.stack:
            raise _damaged("takes an object from an empty stack")
        return self.stack[-1]

    def _pop(self) -> _Object:
        top = self._top()
        self.stack.pop()
        return top


def check_pickle(stream: IO[bytes], size: int) -> None:
    """Simulates the pickle at the current position of a stream, and restores that position.

    Args:
        stream: The file, at the pickle's first byte.
        size: Size of the file in bytes; no length in the pickle may reach beyond its end.

    Raises:
        WeightsError: The pickle is truncated or damaged, or needs more than a file of this size may use.
    """
    start = stream.tell()
    machine = _Pickle(FREE_BYTES + TIMES_ITS_SIZE * (size - start))
    try:
        while True:
            code = stream.read(1)
            op = _OPCODES.get(code)
            if op is None:
                raise _truncated() if not code else _damaged(f"has the unknown instruction {code!r}")
            if op.name == "STOP":
                return
            machine.follow(op, _argument(stream, op, size))
    finally:
        stream.seek(start)


def _argument(stream: IO[bytes], op: pickletools.OpcodeInfo, size: int) -> int:
    """Reads past an instruction's argument; returns its value if it is an integer, else its length in bytes."""
    if op.arg is None:
        return 0
    count = op.arg.n
    if count == pickletools.UP_TO_NEWLINE:
        lines = [_line(stream) for _ in range(_LINES.get(op.name, 1))]
        return _number(lines[0]) if op.name in ("PUT", "GET") else sum(map(len, lines))
    if count >= 0:
        return int.from_bytes(_exactly(stream, count), "little") if op.name != "FRAME" else _frame(stream, size)
    form = _LENGTH_FORMATS[count]
    length = int(struct.unpack(form, _exactly(stream, struct.calcsize(form)))[0])
    if not 0 <= length <= size - stream.tell():
        raise _truncated()
    stream.seek(length, 1)
    return length


def _frame(stream: IO[bytes], size: int) -> int:
    length = int.from_bytes(_exactly(stream, 8), "little")
    if length > size - stream.tell():
        raise _truncated()
    return length


def _line(stream: IO[bytes]) -> bytes:
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise _truncated()
    return line


def _number(line: bytes) -> int:
    if not line.strip().isdigit() or len(line) > 20:
        raise _damaged("numbers an object with something that is not a number")
    return int(line)


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise _truncated()
    return data


def _truncated() -> WeightsError:
    return WeightsError("the file is truncated", hint="fetch it again")


def _damaged(what: str) -> WeightsError:
    return WeightsError(f"the file is no intact pickle of weights: it {what}", hint="fetch it again")


def _hostile(what: str) -> WeightsError:
    return WeightsError(
        f"the file is refused before it is read: its pickle {what}",
        hint="do not trust this file; fetch the weights from their source again",
    )
