"""Products of a few rows with a matrix that stays in the cache, for `roaf.kernels.cpu_programs`.

    out = start + x M,   x (rows, size), M (size, size)

A tile of the result is kept in registers over the whole depth. M is laid out in panels: the columns
of a tile side by side, row after row, so that it is read from end to end; see `pack`. Importing
this file needs numba.
"""

from typing import Any, no_type_check

from numba import njit, types
from numba.extending import intrinsic

from roaf.kernels.cpu_vectors import (
    ADDRESS,
    FEATURES,
    FLOATS,
    LANES,
    WIDTH,
    Place,
    Vector,
    address,
    floats,
)

# rows and vectors of the largest tile: its sums, a row of M and a number of x fill the registers
LARGEST = (8, 3) if "+avx512f" in FEATURES else (6, 2)
ROWS, VECTORS = LARGEST
CHAINS = 8  # of additions at once hide that each takes some cycles


@njit
@no_type_check
def panel_of(columns):
    """The vectors of the next panel, where so many columns are left: panels as equal as can be."""
    vectors = columns // LANES
    return -(-vectors // -(-vectors // VECTORS))


@no_type_check
def pack(matrices, size, out):
    """Writes each matrix to its `out` panel after panel, with zeros up to that size, see
    `product`."""
    known, first = matrices.shape[1], 0
    if known < size:
        out[:] = 0.0
    while first < size:
        width, place = panel_of(size - first) * LANES, first * size
        for matrix in range(len(matrices)):
            for row in range(known):
                for column in range(min(width, known - first)):
                    to = place + row * width + column
                    out[matrix, to] = matrices[matrix, row, first + column]
        first += width


@njit
@no_type_check
def product(rows, size, x, x_row, matrix, start, start_row, out, out_row):
    """Writes start + x M to `out`: addresses, and the bytes from a row to the next.

    `out` may be `start`. The size is a multiple of `LANES`.
    """
    left = size
    while left > 0:
        vectors = panel_of(left)
        row = 0
        while row < rows:
            height = -(-(rows - row) // -(-(rows - row) // ROWS))
            places = (start + row * start_row, start_row, out + row * out_row, out_row)
            tile(height, vectors, size, x + row * x_row, x_row, matrix, *places)
            row += height
        left -= vectors * LANES
        matrix += vectors * WIDTH * size
        start += vectors * WIDTH
        out += vectors * WIDTH


@intrinsic
@no_type_check
def tile(context, height, vectors, size, x, x_row, matrix, start, start_row, out, out_row):
    """The same for at most `ROWS` rows and `VECTORS` vectors of columns."""

    def emit(target, builder, signature, arguments):
        builder.function.attributes.add("noinline")  # it is long
        height, vectors, *places = arguments
        shape = builder.add(builder.mul(height, address(VECTORS + 1)), vectors)
        done = builder.append_basic_block("done")
        choice = builder.switch(shape, done)
        for rows in range(1, ROWS + 1):
            for count in range(1, VECTORS + 1):
                block = builder.append_basic_block(f"tile_{rows}_{count}")
                choice.add_case(address(rows * (VECTORS + 1) + count), block)
                builder.position_at_end(block)
                emit_tile(builder, rows, count, *places)
                builder.branch(done)
        builder.position_at_end(done)
        return target.get_dummy_value()

    return types.void(*[types.intp] * 10), emit


@no_type_check
def emit_tile(builder, rows, vectors, size, x, x_row, matrix, start, start_row, out, out_row):
    """The instructions of one shape of tile: a loop over the depth, all sums in registers."""
    wanted = min(LANES, -(-CHAINS // (rows * vectors)))
    chains = 1 << (wanted.bit_length() - 1)  # of each sum: a power of two divides the depth
    corner = grid(builder, rows, vectors, start, start_row)
    first = [[place.read().value, *[floats(0.0)] * (chains - 1)] for place in corner]
    lines = [builder.add(x, builder.mul(x_row, address(row))) for row in range(rows)]
    before, loop, end = builder.block, *map(builder.append_basic_block, ("depth", "end"))
    builder.branch(loop)
    builder.position_at_end(loop)
    index = builder.phi(ADDRESS)
    sums = [[builder.phi(FLOATS) for _ in range(chains)] for _ in corner]
    found = [list(chain) for chain in sums]
    for chain in range(chains):
        now = builder.add(index, address(chain))
        line = Place(builder, builder.add(matrix, builder.mul(now, address(vectors * WIDTH))))
        columns = [line.after(vector * WIDTH).read() for vector in range(vectors)]
        for row in range(rows):
            number = Place(builder, lines[row]).after(builder.mul(now, address(4))).spread()
            for vector, column in enumerate(columns):
                place = row * vectors + vector
                term = Vector(builder, sums[place][chain])
                found[place][chain] = number.times_plus(column, term).value
    following = builder.add(index, address(chains))
    index.add_incoming(address(0), before)
    index.add_incoming(following, loop)
    for place in range(len(corner)):
        for chain in range(chains):
            sums[place][chain].add_incoming(first[place][chain], before)
            sums[place][chain].add_incoming(found[place][chain], loop)
    builder.cbranch(builder.icmp_signed("<", following, size), loop, end)
    builder.position_at_end(end)
    for place, parts in zip(grid(builder, rows, vectors, out, out_row), found, strict=True):
        place.write(total([Vector(builder, part) for part in parts]))


def grid(builder: Any, rows: int, vectors: int, corner: Any, row_bytes: Any) -> list[Place]:
    """Where the vectors of a tile lie, row by row."""
    lines = [builder.add(corner, builder.mul(row_bytes, address(row))) for row in range(rows)]
    return [
        Place(builder, line).after(vector * WIDTH) for line in lines for vector in range(vectors)
    ]


def total(parts: list[Vector]) -> Vector:
    """Their sum, in pairs."""
    while len(parts) > 1:
        parts = [a + b for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]
