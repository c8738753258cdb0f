"""Finds lines and words in a block of G-code and reads its numbers, all of them at once.

Imports numpy: only the process that looks at every move may import this."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.uint64]

LETTERS = b"XYZEFIJR"
X, Y, Z, E, F, CENTRE_X, CENTRE_Y, RADIUS = range(8)
NONE = 255
COLUMNS = np.full(256, NONE, np.uint8)
COLUMNS[list(LETTERS)] = np.arange(len(LETTERS))
SETS_POSITION, HOMES = 92, 28

# Comments by which slicers mark what is printed: `;TYPE:`, `;LAYER_CHANGE`, `;Z:`, `;HEIGHT:`,
# `; FEATURE:`, `; CHANGE_LAYER`, `; LAYER_HEIGHT:`, `; Z_HEIGHT:`. `;WIDTH:` is not looked at.
TAGS = np.zeros(256, bool)
TAGS[list(b"TLZH")] = True
SPACED_TAGS = np.zeros(256, bool)
SPACED_TAGS[list(b"FCLZ")] = True

PAD = b"\n" * 16
INDENTED = re.compile(rb"^[ \t]*(?:[Nn][0-9]+[ \t]*)?", re.MULTILINE)
SMALL = re.compile(rb"^[gmt][0-9][^\n;]*", re.MULTILINE)
POWERS = 10.0 ** np.arange(0, 20)
ONES, TENS = np.uint64(0x0101010101010101), np.uint64(0x1010101010101010)
DOTS, HIGHS = np.uint64(0x2E2E2E2E2E2E2E2E), np.uint64(0x8080808080808080)
NIBBLES = np.uint64(0x0F0F0F0F0F0F0F0F)
PAIRS, FOURS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
EIGHTS = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Scan:
    """What stands in a block. Rows are the lines that move or set the position, in their order.

    `codes` are 0 to 3, 28 and 92 as in G0 and so on; `lines` says which line of the block each
    row is. `values` and `given` have a row for each of LETTERS. `events` are the lines that have
    to be read by themselves; `starts` and `ends` bound every line of `block`."""

    block: bytes
    starts: Ints
    ends: Ints
    codes: Ints
    lines: Ints
    values: Floats
    given: Flags
    events: Ints


def scan(block: bytes) -> Scan:
    """Of whole lines: the last byte is a newline."""
    raw = np.frombuffer(block + PAD, np.uint8)
    special = _special(raw, len(block))
    ends = special[raw[special] == 10]
    starts = np.concatenate(([0], ends[:-1] + 1))
    if _is_unusual(raw, starts):
        block = SMALL.sub(lambda found: found[0].upper(), INDENTED.sub(b"", block))
        raw = np.frombuffer(block + PAD, np.uint8)
        special = _special(raw, len(block))
        ends = special[raw[special] == 10]
        starts = np.concatenate(([0], ends[:-1] + 1))
    codes, is_event = _classified(raw, starts)
    values, given = _words(raw, special, codes)
    rows = np.flatnonzero(codes >= 0)
    return Scan(block, starts, ends, codes[rows], rows, values, given, np.flatnonzero(is_event))


def _special(raw: Bytes, size: int) -> Ints:
    """Where what cannot be part of a number stands: all but digits and `+ , - . /`."""
    return np.flatnonzero((raw[:size] < 43) | (raw[:size] > 57))


def _is_unusual(raw: Bytes, starts: Ints) -> bool:
    """Indented, numbered, or in small letters: the block is put in order first."""
    first, second = raw[starts], raw[starts + 1]
    is_digit = (second >= 48) & (second <= 57)
    small = (first == ord("g")) | (first == ord("m")) | (first == ord("t"))
    numbered = (first == ord("N")) | (first == ord("n"))
    return bool(np.any((first == 32) | (first == 9) | ((small | numbered) & is_digit)))


def _classified(raw: Bytes, starts: Ints) -> tuple[Ints, Flags]:
    """The code of each line that is a row, else -1; and which lines to read by themselves."""
    first, second, third, fourth = (raw[starts + offset] for offset in range(4))
    is_command = (first == ord("G")) & (second >= 48) & (second <= 57)
    has_two = is_command & (third >= 48) & (third <= 57)
    has_more = has_two & (fourth >= 48) & (fourth <= 57)
    after = np.where(has_two, fourth, third)
    number = second.astype(np.int64) - 48
    number = np.where(has_two, number * 10 + third - 48, number)
    is_known = (number <= 3) | (number == SETS_POSITION) | (number == HOMES)
    is_row = is_command & is_known & ~has_more & (after != ord("."))
    is_tag = (first == ord(";")) & (TAGS[second] | ((second == 32) & SPACED_TAGS[third]))
    is_word = ((first >= 65) & (first <= 90)) | ((first >= 97) & (first <= 122)) | (first == 95)
    return np.where(is_row, number, -1), is_tag | (is_word & ~is_row)


def _words(raw: Bytes, special: Ints, codes: Ints) -> tuple[Floats, Flags]:
    """The numbers behind the letters of every row, outside of comments."""
    characters = raw[special]
    is_newline = characters == 10
    line = np.cumsum(is_newline)
    line -= is_newline  # a newline belongs to the line that it ends
    is_row = codes >= 0
    column = COLUMNS[characters]
    found = np.flatnonzero((column != NONE) & is_row[line])
    found = _outside_comments(characters, is_newline, line, is_row, found)
    begin = special[found] + 1
    numbers, is_number = read_numbers(raw, begin, special[found + 1] - begin)
    count = int(np.count_nonzero(is_row))
    values = np.zeros((len(LETTERS), count))
    given = np.zeros((len(LETTERS), count), bool)
    row = np.cumsum(is_row)[line[found]] - 1
    values[column[found], row] = numbers
    given[column[found], row] = is_number
    return values, given


def _outside_comments(
    characters: Bytes, is_newline: Flags, line: Ints, is_row: Flags, found: Ints
) -> Ints:
    is_mark = (characters == ord(";")) | (characters == ord("("))
    if not np.any(is_row[line[is_mark]]):
        return found
    marks = np.cumsum(is_mark)
    before_line = np.concatenate(([0], marks[is_newline]))
    is_outside: Flags = marks[found] == before_line[line[found]]
    return found[is_outside]


def read_numbers(raw: Bytes, begin: Ints, length: Ints) -> tuple[Floats, Flags]:
    """The decimal numbers at `begin`, of `length` characters. What is none is told as such.

    Behind the last one there have to be sixteen more bytes."""
    first = raw[begin]
    is_negative = first == ord("-")
    has_sign = is_negative | (first == ord("+"))
    begin, length = begin + has_sign, length - has_sign
    longs: Longs = np.ndarray((len(raw) - 7,), "<u8", buffer=raw, strides=(1,))
    number, _, decimals, is_number = _eight(longs[begin], np.minimum(length, 8))
    result = number / POWERS[np.maximum(decimals, 0)]
    long = np.flatnonzero(length > 8)
    if len(long):
        result[long], is_number[long] = _sixteen(longs, begin[long], length[long])
    np.negative(result, out=result, where=is_negative)
    return result, is_number


def _sixteen(longs: Longs, begin: Ints, length: Ints) -> tuple[Floats, Flags]:
    """As eight and eight. Digits behind the sixteenth character are let go, if decimals."""
    is_cut, length = length > 16, np.minimum(length, 16)
    low, digits, low_decimals, low_is = _eight(longs[begin + length - 8], np.full(len(begin), 8))
    high, _, high_decimals, high_is = _eight(longs[begin], length - 8)
    decimals = np.where(low_decimals >= 0, low_decimals, high_decimals + digits)
    has_dot = (low_decimals >= 0) | (high_decimals >= 0)
    decimals = np.where(has_dot, decimals, 0)
    number = high.astype(np.float64) * POWERS[digits] + low
    has_one_dot = (low_decimals < 0) | (high_decimals < 0)
    high_is |= (length == 9) & (high_decimals >= 0)  # nothing but the dot is there
    return number / POWERS[decimals], low_is & high_is & has_one_dot & (~is_cut | has_dot)


def _eight(text: Longs, length: Ints) -> tuple[Longs, Ints, Ints, Flags]:
    """Up to eight characters, the first in the lowest byte: the digits as an integer, how many
    they are, how many of them stand behind a dot (-1: there is none), and whether it is a number.

    Works on all eight bytes of a word at once, on ever wider lanes."""
    text = text << ((8 - length) * 8).astype(np.uint64)  # the last character is now the highest
    differs = text ^ DOTS
    is_dot = (differs - ONES) & ~differs & HIGHS
    lowest = is_dot & (~is_dot + np.uint64(1))
    has_dot = is_dot != 0
    place = np.bitwise_count(lowest - np.uint64(1)).astype(np.int64) >> 3
    below = (np.uint64(1) << (place * 8).astype(np.uint64)) - np.uint64(1)
    closed = ((text & below) << np.uint64(8)) | (text & ~((below << np.uint64(8)) | np.uint64(255)))
    text = np.where(has_dot, closed, text)
    digits = length - has_dot
    is_number = (np.bitwise_count(text & TENS) == digits) & (digits > 0)
    text = text & NIBBLES
    text = (text * np.uint64(10) + (text >> np.uint64(8))) & PAIRS
    text = (text * np.uint64(100) + (text >> np.uint64(16))) & FOURS
    text = (text * np.uint64(10000) + (text >> np.uint64(32))) & EIGHTS
    return text, digits, np.where(has_dot, 7 - place, -1), is_number
