"""Vectors of float32 as LLVM instructions, for the compiled programs of `roaf.kernels.cpu`.

A `Vector` is a value while a program is compiled: its operators write instructions. As wide as the
processor's registers, and split by LLVM where they are narrower. Addresses are whole numbers. No
operation is marked as free to ignore NaN, so that a run that diverged stays one. Importing this
file needs numba.
"""

import math
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.core.registry import cpu_target

CONTEXT: Any = cpu_target.target_context
FEATURES = CONTEXT.codegen().magic_tuple()[2].split(",")
LANES = 16 if "+avx512f" in FEATURES else 8 if "+avx" in FEATURES else 4

FLOAT, WORD, ADDRESS = ir.FloatType(), ir.IntType(32), ir.IntType(64)
FLOATS, WORDS = ir.VectorType(FLOAT, LANES), ir.VectorType(WORD, LANES)
WIDTH = 4 * LANES  # bytes

FRACTION = 23  # bits of a float32's fraction
ONE = 0x3F800000  # the bits of 1.0
SIGN = 0x80000000
LARGEST = 10.0  # where tanh is 1 to the last bit


@dataclass(frozen=True)
class Vector:
    """A value of `LANES` floats and the builder that its operators write to."""

    builder: Any
    value: Any

    def __add__(self, other: Any) -> "Vector":
        return self._with(self.builder.fadd(self.value, self._lift(other)))

    def __sub__(self, other: Any) -> "Vector":
        return self._with(self.builder.fsub(self.value, self._lift(other)))

    def __mul__(self, other: Any) -> "Vector":
        return self._with(self.builder.fmul(self.value, self._lift(other)))

    def times_plus(self, factor: Any, term: Any) -> "Vector":
        """self * factor + term, rounded once where the processor can."""
        name = f"llvm.fmuladd.v{LANES}f32"
        kind = ir.FunctionType(FLOATS, [FLOATS] * 3)
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        arguments = [self.value, self._lift(factor), self._lift(term)]
        return self._with(self.builder.call(function, arguments))

    def above(self, other: Any) -> Any:
        """A mask: where it is greater, and no NaN."""
        return self.builder.fcmp_ordered(">", self.value, self._lift(other))

    def where(self, mask: Any, other: Any) -> "Vector":
        """Itself where the mask is set, the other elsewhere."""
        return self._with(self.builder.select(mask, self.value, self._lift(other)))

    def bits(self) -> Any:
        """Its bits, as whole numbers."""
        return self.builder.bitcast(self.value, WORDS)

    def of_bits(self, bits: Any) -> "Vector":
        """The floats that have these bits."""
        return self._with(self.builder.bitcast(bits, FLOATS))

    def size(self) -> "Vector":
        """|self|."""
        return self.of_bits(self.builder.and_(self.bits(), words(SIGN - 1)))

    def signed(self, other: "Vector") -> "Vector":
        """Itself, at least 0, with the sign of the other."""
        sign = self.builder.and_(other.bits(), words(SIGN))
        return self.of_bits(self.builder.or_(self.bits(), sign))

    def _with(self, value: Any) -> "Vector":
        return Vector(self.builder, value)

    def _lift(self, other: Any) -> Any:
        return other.value if isinstance(other, Vector) else floats(other)


@dataclass(frozen=True)
class Place:
    """An address in memory while a program is compiled."""

    builder: Any
    address: Any

    def read(self) -> Vector:
        """The vector there."""
        pointer = self.builder.inttoptr(self.address, ir.PointerType())
        return Vector(self.builder, self.builder.load(pointer, align=4, typ=FLOATS))

    def spread(self) -> Vector:
        """The number there, in every lane."""
        pointer = self.builder.inttoptr(self.address, ir.PointerType())
        return spread(self.builder, self.builder.load(pointer, align=4, typ=FLOAT))

    def write(self, vector: Vector) -> None:
        """Stores it there."""
        pointer = self.builder.inttoptr(self.address, ir.PointerType())
        self.builder.store(vector.value, pointer, align=4)

    def after(self, offset: Any) -> "Place":
        """So many bytes later."""
        offset = address(offset) if isinstance(offset, int) else offset
        return Place(self.builder, self.builder.add(self.address, offset))


def address(number: int) -> Any:
    """A constant of the size of an address."""
    return ir.Constant(ADDRESS, number)


def words(number: int) -> Any:
    """The whole number in every lane."""
    return ir.Constant(WORDS, [number] * LANES)


def floats(number: float) -> Any:
    """The float nearest to the number, in every lane."""
    rounded = ir.Constant(FLOAT, number)
    return ir.Constant(FLOATS, [rounded] * LANES)


def spread(builder: Any, scalar: Any) -> Vector:
    """A scalar of this moment in every lane."""
    empty = ir.Constant(ir.VectorType(scalar.type, LANES), ir.Undefined)
    first = builder.insert_element(empty, scalar, ir.Constant(WORD, 0))
    return Vector(builder, builder.shuffle_vector(first, empty, words(0)))


def tanh(x: Vector) -> Vector:
    """tanh x to three units in the last place, also near 0; NaN stays NaN.

    With e = exp(-2 |x|) - 1, tanh |x| = -e / (2 + e). For e the argument is split into n ln 2 + r:
    exp - 1 = 2^n (exp(r) - 1) + (2^n - 1), exp(r) - 1 by its series. 2 + e lies in [1, 2], where
    division is slower than Newton's steps for the reciprocal.
    """
    size = x.size()
    size = Vector(x.builder, floats(LARGEST)).where(size.above(LARGEST), size)
    whole = size.times_plus(-2 / math.log(2), 1.5 * 2**FRACTION)  # rounds to n, in the last bits
    rest = (whole - 1.5 * 2**FRACTION).times_plus(-math.log(2), size * -2.0)
    series = rest.times_plus(1 / math.factorial(7), 1 / math.factorial(6))
    for order in (5, 4, 3, 2, 1):
        series = series.times_plus(rest, 1 / math.factorial(order))
    shifted = x.builder.shl(whole.bits(), words(FRACTION))
    power = x.of_bits(x.builder.add(shifted, words(ONE)))
    less = power.times_plus(series * rest, power - 1.0)
    return (less * reciprocal(less + 2.0)).size().signed(x)


def reciprocal(d: Vector) -> Vector:
    """1 / d for d in [1, 2].

    It starts from q with 1 - d q(d) = -T(2 d - 3) / 99, T Chebyshev's polynomial of degree 3, which
    is off by at most 1 / 99 = -1 / T(-3); each of Newton's steps squares that.
    """
    q = d.times_plus(32 / 99, -144 / 99).times_plus(d, 210 / 99)
    for _ in range(2):
        q = q.times_plus((d * -1.0).times_plus(q, 1.0), q)
    return q


def relu(x: Vector) -> Vector:
    """max(x, 0); NaN stays NaN."""
    zero = Vector(x.builder, floats(0.0))
    return zero.where(zero.above(x), x)


def modrelu(x: Vector, bias: Vector) -> Vector:
    """sign(x) max(|x| + bias, 0); 0 and NaN stay what they are."""
    size = x.size()
    return relu(size + bias).signed(x).where(size.above(0.0), x)


def gather(base: Place, indices: Any) -> Vector:
    """The floats with these indices after the base, one a lane."""
    builder, every = base.builder, ir.Constant(ir.VectorType(ir.IntType(1), LANES), [1] * LANES)
    pointers, wide = ir.VectorType(ir.PointerType(), LANES), ir.VectorType(ADDRESS, LANES)
    kind = ir.FunctionType(FLOATS, [pointers, every.type, FLOATS])
    name = f"llvm.masked.gather.v{LANES}f32.v{LANES}p0"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    offsets = builder.shl(builder.zext(indices, wide), ir.Constant(wide, [2] * LANES))
    places = builder.add(spread(builder, base.address).value, offsets)
    arguments = [builder.inttoptr(places, pointers), every, floats(0.0)]
    return Vector(builder, builder.call(function, arguments))
