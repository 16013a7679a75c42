"""What the threads of a crew run, without Python's lock: how a job's chunks are dealt out.

The board is the memory that they share. Its ticket holds the job's number and how many chunks are left; a chunk is
taken by replacing the ticket, which fails if anything happened to it in between. A helper copies the job before it
takes a chunk. A leader writes the next job only when every chunk is done, so whoever gets a chunk has a sound copy;
a copy made while the board was being written is for a job of which nothing is left, and is never used.
"""

# what numba compiles has no Python types
# mypy: ignore-errors

from __future__ import annotations

import numpy as np
from numba import njit

from vistream.engine.stream.raw import (
    JOB_WORDS,
    KERNEL_AT,
    NEXT_AT,
    WORKSPACE_WORDS,
    address_of,
    atomic_add,
    atomic_read,
    atomic_replace,
    atomic_write,
    call_kernel,
    pause,
    read_word,
)  # fmt: skip

# Words of the board: those that several threads write are on cache lines of their own. Behind the job and what is
# said of it come the workspaces of the threads, the leader's first.
TICKET, DONE, TOTAL, JOB = 0, 8, 16, 24
COUNT, SIZE, CHUNKS, HELPERS, SPACES = range(JOB_WORDS, JOB_WORDS + 5)  # from JOB on
MOST_HELPERS = 63
BOARD_WORDS = JOB + SPACES + WORKSPACE_WORDS * (MOST_HELPERS + 1)
NUMBER = 1 << 20  # a ticket is the job's number times this, plus how many chunks nobody has taken yet

LOOKING = 20000  # times that a helper looks for work before it sleeps, and that a leader looks whether all is done

PIECE = 32  # positions that a chain of jobs passes on together: what is pending stays near


@njit(nogil=True, cache=True)
def _run(job, begin, end, workspace):
    """Positions `begin`..`end` of a job and of those that go on with them; how many levels changed."""
    first_at, workspace_at = address_of(job), address_of(workspace)
    if job[NEXT_AT] == 0:
        return call_kernel(job[KERNEL_AT], first_at, begin, end, workspace_at)
    changes = np.int64(0)
    for piece in range(begin, end, PIECE):
        job_at = first_at
        while job_at:
            kernel_at = read_word(job_at + 8 * KERNEL_AT)
            changes += call_kernel(kernel_at, job_at, piece, min(piece + PIECE, end), workspace_at)
            job_at = read_word(job_at + 8 * NEXT_AT)
    return changes


@njit(nogil=True, cache=True)
def run_alone(job, count, workspaces):
    """The whole job by the thread that has it; what its kernel returns."""
    return _run(job, 0, count, workspaces[0])


@njit(nogil=True, cache=True)
def _work_off(board_at, job, number, workspace):
    """Take chunks of job `number` until there are none left; returns how many it took."""
    taken = 0
    while True:
        ticket = atomic_read(board_at + 8 * TICKET)
        if ticket // NUMBER != number or ticket % NUMBER == 0:
            return taken
        if not atomic_replace(board_at + 8 * TICKET, ticket, ticket - 1):
            continue
        begin = (job[CHUNKS] - ticket % NUMBER) * job[SIZE]
        total = _run(job, begin, min(begin + job[SIZE], job[COUNT]), workspace)
        atomic_add(board_at + 8 * TOTAL, total)
        atomic_add(board_at + 8 * DONE, 1)
        taken += 1


@njit(nogil=True, cache=True)
def work(board, helper, patience):
    """What helper 1, 2, ... does until it has looked for work `patience` times in vain."""
    board_at = address_of(board)
    job, workspace = np.zeros(SPACES, np.int64), np.zeros(WORKSPACE_WORDS, np.int64)
    number, idle = np.int64(-1), 0
    while idle < patience:
        current = atomic_read(board_at + 8 * TICKET) // NUMBER
        if current != number:
            number = current
            for k in range(SPACES):
                job[k] = atomic_read(board_at + 8 * (JOB + k))
            for k in range(WORKSPACE_WORDS):
                workspace[k] = atomic_read(board_at + 8 * (JOB + SPACES + WORKSPACE_WORDS * helper + k))
        if helper <= job[HELPERS] and _work_off(board_at, job, number, workspace):
            idle = 0
        else:
            idle += 1
            pause()
    return number


@njit(nogil=True, cache=True)
def lead(board, job, count, size, helpers, workspaces):
    """Put a job on the board, in chunks of `size` items, and work on it; what its kernel returned in all.

    -1 if a helper is not done with its chunk after a while: then ask `rejoin`.
    """
    board_at = address_of(board)
    own, workspace = np.zeros(SPACES, np.int64), workspaces[0]
    own[:JOB_WORDS] = job
    own[COUNT], own[SIZE], own[CHUNKS], own[HELPERS] = count, size, (count + size - 1) // size, helpers
    for k in range(SPACES):
        atomic_write(board_at + 8 * (JOB + k), own[k])
    for helper in range(helpers + 1):
        for k in range(WORKSPACE_WORDS):
            atomic_write(board_at + 8 * (JOB + SPACES + WORKSPACE_WORDS * helper + k), workspaces[helper, k])
    atomic_write(board_at + 8 * DONE, 0)
    atomic_write(board_at + 8 * TOTAL, 0)
    number = atomic_read(board_at + 8 * TICKET) // NUMBER + 1
    atomic_write(board_at + 8 * TICKET, number * NUMBER + own[CHUNKS])
    _work_off(board_at, own, number, workspace)
    return rejoin(board)


@njit(nogil=True, cache=True)
def rejoin(board):
    """Wait a while for the chunks that helpers took; the job's total, or -1 if they are not done yet."""
    board_at = address_of(board)
    chunks = board[JOB + CHUNKS]
    for _ in range(LOOKING):
        if atomic_read(board_at + 8 * DONE) == chunks:
            return atomic_read(board_at + 8 * TOTAL)
        pause()
    return np.int64(-1)
