"""What a step does with each row of the batch, beside the products, vector by vector.

Each program takes the length of a row, a multiple of `LANES`, and the addresses of rows. Importing
this file needs numba.
"""

import inspect
from collections.abc import Callable
from typing import no_type_check

from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from roaf.kernels.cpu_vectors import (
    LANES,
    WIDTH,
    Place,
    Vector,
    address,
    floats,
    gather,
    modrelu,
    relu,
    tanh,
)

PHI = ("tanh", "relu", "modrelu")


@no_type_check
def over_rows(body: Callable[..., None]):
    """A compiled function (length, *addresses) that does `body` for each vector of the rows.

    The body gets where each vector lies; for an argument `row`, where its whole row begins.
    """
    parameters = tuple(inspect.signature(body).parameters)

    def program(context, length, *rows):
        def emit(target, builder, signature, arguments):
            length, *rows = arguments
            count = builder.sdiv(length, address(LANES))
            with cgutils.for_range(builder, count) as loop:
                offset = builder.mul(loop.index, address(WIDTH))
                starts = [Place(builder, row) for row in rows]
                named = zip(parameters, starts, strict=True)
                body(*(start if name == "row" else start.after(offset) for name, start in named))
            return target.get_dummy_value()

        return types.void(*[types.intp] * (1 + len(rows))), emit

    names, kind = ("context", "length", *parameters), inspect.Parameter.POSITIONAL_OR_KEYWORD
    program.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])
    program.__doc__ = body.__doc__
    return intrinsic(program)


@over_rows
@no_type_check
def apply_tanh(z, bias, beta, scaled):
    """z = tanh z, and beta times it."""
    value = tanh(z.read())
    z.write(value)
    scaled.write(beta.read() * value)


@over_rows
@no_type_check
def apply_relu(z, bias, beta, scaled):
    """z = max(z, 0), and beta times it."""
    value = relu(z.read())
    z.write(value)
    scaled.write(beta.read() * value)


@over_rows
@no_type_check
def apply_modrelu(z, bias, beta, scaled):
    """z = sign(z) max(|z| + bias, 0), and beta times it."""
    value = modrelu(z.read(), bias.read())
    z.write(value)
    scaled.write(beta.read() * value)


def pulls(slope: Callable[[Vector], Vector]):
    """delta = carry + above; pull = beta * phi' * delta, phi' from the value of phi; carry = 0."""

    def body(value, carry, above, beta, pull, delta):
        now = carry.read() + above.read()
        delta.write(now)
        pull.write(slope(value.read()) * beta.read() * now)
        carry.write(Vector(now.builder, floats(0.0)))

    return over_rows(no_type_check(body))


def tanh_slope(value: Vector) -> Vector:
    """1 - tanh^2."""
    return (value * -1.0).times_plus(value, 1.0)


def relu_slope(value: Vector) -> Vector:
    """1 where the unit is on, else 0."""
    builder = value.builder
    return Vector(builder, floats(1.0)).where(value.above(0.0), Vector(builder, floats(0.0)))


def modrelu_slope(value: Vector) -> Vector:
    """The same for either sign."""
    return relu_slope(value.size())


pull_tanh, pull_relu, pull_modrelu = map(pulls, (tanh_slope, relu_slope, modrelu_slope))


def add_turned(out: Place, *terms: tuple[Place, Place, Vector]) -> None:
    """out += (low + high) * x for each (low, high, x), the low ones first: see `cpu_layout`."""
    found = out.read()
    for low, _, x in terms:
        found = low.read().times_plus(x, found)
    for _, high, x in terms:
        found = high.read().times_plus(x, found)
    out.write(found)


@over_rows
@no_type_check
def add_run(out, low, high, x):
    """One term of units side by side."""
    add_turned(out, (low, high, x.read()))


@over_rows
@no_type_check
def add_runs(out, low, high, x, low_2, high_2, x_2):
    """Two."""
    add_turned(out, (low, high, x.read()), (low_2, high_2, x_2.read()))


@over_rows
@no_type_check
def add_picked(out, low, high, index, row):
    """One term of units with these indices, whole numbers of 32 bits."""
    add_turned(out, (low, high, gather(row, index.read().bits())))


@over_rows
@no_type_check
def add_picked_twice(out, low, high, index, low_2, high_2, index_2, row):
    """Two."""
    indices = (index.read().bits(), index_2.read().bits())
    add_turned(out, (low, high, gather(row, indices[0])), (low_2, high_2, gather(row, indices[1])))


@njit
@no_type_check
def turn(filter, size, row, out):
    """out += O row, piece by piece: (target, length, source, source of the second term or -1).

    The source is -1 where units are picked. Weights are the low and the high ones of each term.
    """
    for piece in range(len(filter.pieces)):
        target, length = filter.pieces[piece, 0], filter.pieces[piece, 1]
        source, second = filter.pieces[piece, 2], filter.pieces[piece, 3]
        to, low, index = out + 4 * target, filter.weight + 4 * target, filter.indices + 4 * target
        high, low_2, high_2 = low + 4 * size, low + 8 * size, low + 12 * size
        if source >= 0 and second >= 0:
            add_runs(length, to, low, high, row + 4 * source, low_2, high_2, row + 4 * second)
        elif source >= 0:
            add_run(length, to, low, high, row + 4 * source)
        elif filter.terms == 2:
            add_picked_twice(length, to, low, high, index, low_2, high_2, index + 4 * size, row)
        else:
            add_picked(length, to, low, high, index, row)


@njit
@no_type_check
def activate(phi, length, *rows):
    """`apply_...` of phi, as a place in `PHI`."""
    if phi == 0:
        apply_tanh(length, *rows)
    elif phi == 1:
        apply_relu(length, *rows)
    else:
        apply_modrelu(length, *rows)


@njit
@no_type_check
def pull(phi, length, *rows):
    """The `pulls` of phi, as a place in `PHI`."""
    if phi == 0:
        pull_tanh(length, *rows)
    elif phi == 1:
        pull_relu(length, *rows)
    else:
        pull_modrelu(length, *rows)
