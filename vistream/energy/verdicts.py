"""What the figures say, in sentences. Every ratio names its estimator, its baseline and its frames."""

from __future__ import annotations

from vistream.energy.constants import HOROWITZ
from vistream.energy.counts import Counts
from vistream.energy.density import DAMPFHOFFER, place, spikes_per_synapse
from vistream.energy.estimators import Estimator
from vistream.energy.report import Phase, phases
from vistream.energy.rows import BASELINES, Row


def verdicts(counts: Counts) -> list[str]:
    """The frame-differential spiking network against each baseline under each estimator, then its density."""
    phase = phases(counts)[-1]
    sentences = [_against(estimator, counts, phase) for estimator in Estimator]
    density = sum(spikes_per_synapse(Row.DIFFERENTIAL, counts, frame) for frame in phase.frames) / len(phase.frames)
    left_out = sum(size.graded and not size.analog for size in counts.layers)
    but = f" (without {left_out} of {len(counts.layers)} layers, which read no single spikes)" if left_out else ""
    low, high = DAMPFHOFFER
    sentences.append(
        f"Frame-differential, {phase.name}: {density:.2f} spikes per synapse and frame{but}, {place(density)} of "
        f"{low} to {high} in which published break-even points lie (Dampfhoffer et al. 2023)."
    )
    return sentences


def _against(estimator: Estimator, counts: Counts, phase: Phase) -> str:
    if not all(frame.differential.rested for frame in phase.frames):
        return f"Estimator {estimator.name}, {phase.name}: no verdict, since the frame-differential SNN did not rest."
    spiking = phase.figures(Row.DIFFERENTIAL, counts).energy(estimator)
    parts = []
    for row in (*BASELINES, Row.STREAM):
        other = phase.figures(row, counts).energy(estimator)
        parts.append(compare(spiking, other, f"the {row.value}" if row in BASELINES else "stream"))
    return f"Estimator {estimator.name}, {phase.name}: the frame-differential SNN {'; '.join(parts)}."


def compare(spiking: float, other: float, name: str) -> str:
    """
    >>> compare(30.0, 10.0, "the dense QANN"), compare(5.0, 10.0, "the float network")
    ('LOSES to the dense QANN (3.0 x its energy)', 'wins against the float network (0.50 x its energy)')
    """
    if other == 0:
        return f"ties with {name} (neither does anything)" if spiking == 0 else f"LOSES to {name} (which does nothing)"
    ratio = spiking / other
    if ratio > 1:
        return f"LOSES to {name} ({ratio:.{0 if ratio >= 10 else 1}f} x its energy)"
    return f"wins against {name} ({ratio:.2f} x its energy)"


def rests(counts: Counts) -> str:
    """Whether the spiking networks came to rest, and what it means where they did not."""
    outcomes = {
        Row.RESET: [frame.reset for frame in counts.frames],
        Row.DIFFERENTIAL: [frame.differential for frame in counts.frames],
    }
    late = {row: [outcome for outcome in ended if not outcome.rested] for row, ended in outcomes.items()}
    if not any(late.values()):
        return f"Every frame came to rest within {counts.steps} steps, in both spiking networks."
    parts = [f"{len(late[row])} of {len(counts.frames)} ({row.value})" for row in late if late[row]]
    worst = max(outcome.differing for ended in late.values() for outcome in ended)
    return (
        f"NOT AT REST after {counts.steps} steps: {', '.join(parts)}. Their spikes are cut short, and up to "
        f"{100 * worst / counts.outputs:.0f} % of the output values are not the network's: more --steps make them rest."
    )


def caveats() -> list[str]:
    """What a reader must know before quoting a figure."""
    table = HOROWITZ
    small, needed = table.int8_multiply + table.int8_add, table.int8_multiply + table.int32_add
    return [
        f"An int8 multiply-accumulate costs {small:.2f} pJ ({needed:.1f} pJ with the int32 sums that are needed here): "
        f"less than the accumulate of the literature, {table.float32_add} pJ, which is a float32 addition. Estimator A "
        "hides that; B and C do not.",
        "Estimators A and B leave out memory. C charges every operation its own fetches, with no reuse, "
        "(Lemaire et al., ICONIP 2022), and leaves out routing, control and leakage.",
        "The rescaling of sums to levels (a multiplication a neuron in the QANN and stream) is in no estimator.",
        "A spiking network with T steps competes with a quantised one of ceil(log2(T + 1)) bits, and wins only below a "
        "spike rate of about 6 % (Yan et al., arXiv 2409.08290).",
        "No figure here is a measurement of hardware, unless it says joules measured.",
    ]


def measured(counts: Counts) -> str:
    """The joules of the processor package, if the machine tells them."""
    names = list(dict.fromkeys(name for frame in counts.frames for name in frame.joules))
    if not names:
        return "Joules measured (RAPL): not measured; this machine does not let its energy counters be read."
    means = (f"{name} {sum(f.joules[name] for f in counts.frames) / len(counts.frames):.3g} J" for name in names)
    return f"Joules measured (RAPL, the whole processor package, a frame in the mean): {'; '.join(means)}."
