"""Cut Kokoro's ONNX graph in two, so that its sound can be computed a window at a time.

The *front* turns a whole text into the generator's input: a column of features for each 12.5 ms and the spectrum of the
harmonic source. The *generator*, nine tenths of the work, turns any range of columns into sound: it depends on about
90 ms to either side, except for 44 instance norms over the whole utterance. Their statistics become an input.
This module needs `onnx`, so it is imported only while there are no cut graphs in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.utils import Extractor

from voicecli.engines.kokoro.parts import (
    AUDIO,
    COLUMNS,
    FRAMES_PER_TOKEN,
    GIVEN,
    MEASURED,
    SOURCE,
    SPEED,
    STYLE,
    TOKENS,
    USE_GIVEN,
    NotCuttable,
)

NORMS = 44
SCALE = "/Add_1_output_0"  # in the module of a norm: the factor of its output, which has the norm's channels


def cut(model: Path) -> tuple[ModelProto, ModelProto]:
    """Return the front and the generator of `model`; chained, they compute what it computes.

    front: tokens, style, speed -> COLUMNS (1, 512, n), SOURCE (1, 22, 60 n + 1), FRAMES_PER_TOKEN (tokens,) in 25 ms.
    generator: COLUMNS, SOURCE, style, GIVEN (1, s, 1), USE_GIVEN () -> AUDIO (300 n,), MEASURED (1, s, 1): normalized
    by GIVEN if USE_GIVEN, else by its own statistics. MEASURED are its own: all means, then all variances.
    Raise NotCuttable if the export is built differently.
    """
    try:
        whole = onnx.load(model)
    except Exception as error:  # protobuf's errors share no public base with onnx's
        raise NotCuttable(f"{model.name} cannot be read: {error}") from error
    graph = whole.graph
    if (inputs := tuple(port.name for port in graph.input)) != (TOKENS, STYLE, SPEED):
        raise NotCuttable(f"its inputs are {', '.join(inputs)}")
    made = {name for node in graph.node for name in node.output}
    if missing := [name for name in (FRAMES_PER_TOKEN, COLUMNS, SOURCE, AUDIO) if name not in made]:
        raise NotCuttable(f"it has no {missing[0]}")
    _stft_as_convolution(graph)
    _open_norms(graph)
    _declare(graph, FRAMES_PER_TOKEN, ["t"])
    _declare(graph, COLUMNS, [1, 512, "n"])
    _declare(graph, SOURCE, [1, 22, "s"])
    extractor = Extractor(whole)
    front = extractor.extract_model([TOKENS, STYLE, SPEED], [COLUMNS, SOURCE, FRAMES_PER_TOKEN])
    generator = extractor.extract_model([COLUMNS, SOURCE, STYLE, GIVEN, USE_GIVEN], [AUDIO, MEASURED])
    front.metadata_props.extend(whole.metadata_props)  # some exports carry their vocabulary here
    return front, generator


def _declare(graph: GraphProto, name: str, shape: Sequence[int | str], kind: int = TensorProto.FLOAT) -> None:
    """Declare the shape of an inner tensor: the extractor makes ports only of tensors of known rank."""
    for known in [value for value in graph.value_info if value.name == name]:
        graph.value_info.remove(known)
    graph.value_info.append(helper.make_tensor_value_info(name, kind, shape))


def _open_norms(graph: GraphProto) -> None:
    """Let each instance norm of the generator use the mean and variance in GIVEN, and output its own in MEASURED."""
    made_by = {name: node for node in graph.node for name in node.output}
    channels = _channels(graph)
    means: list[str] = []
    variances: list[str] = []
    sizes: list[int] = []
    for node in graph.node:
        if node.op_type == "Sqrt" and "/generator/" in node.name and (found := _statistics(node, made_by)):
            means.append(found[0])
            variances.append(found[1])
            sizes.append(channels.get(node.name.replace("/Sqrt", SCALE), 0))
    if len(sizes) != NORMS or not all(sizes):
        raise NotCuttable(f"it has {len(sizes)} instance norms, {sizes.count(0)} of unknown size, not {NORMS}")
    _list_statistics(graph, means + variances, 2 * sizes)


def _list_statistics(graph: GraphProto, own: list[str], sizes: list[int]) -> None:
    """Output the statistics `own` as MEASURED, and use GIVEN instead if USE_GIVEN: all means, then all variances."""
    used = [f"used_statistics_{i}" for i in range(len(own))]
    renamed = dict(zip(own, used, strict=True))
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = renamed.get(name, name)
    graph.initializer.append(numpy_helper.from_array(np.array(sizes, np.int64), "statistics_sizes"))
    given = [f"given_statistics_{i}" for i in range(len(own))]
    choices = [
        helper.make_node("Where", [USE_GIVEN, *pair], [name]) for *pair, name in zip(given, own, used, strict=True)
    ]
    measured = helper.make_node("Concat", own, [MEASURED], axis=1)
    split = helper.make_node("Split", [GIVEN, "statistics_sizes"], given, axis=1)
    _in_order(graph, {name: [choice] for name, choice in zip(own, choices, strict=True)}, split, measured)
    _declare(graph, GIVEN, [1, sum(sizes), 1])
    _declare(graph, MEASURED, [1, sum(sizes), 1])
    _declare(graph, USE_GIVEN, [], TensorProto.BOOL)


def _channels(graph: GraphProto) -> dict[str, int]:
    """Return the channels of the inner tensors whose shape (1, channels, ...) the export kept."""
    shapes = {value.name: value.type.tensor_type.shape.dim for value in graph.value_info}
    return {name: shape[1].dim_value for name, shape in shapes.items() if len(shape) > 1}


def _statistics(root: NodeProto, made_by: dict[str, NodeProto]) -> tuple[str, str] | None:
    """Return the names of mean and variance if `root` is in (x - mean) / sqrt(mean((x - mean)^2) + epsilon)."""
    shifted = made_by[root.input[0]]
    for name in shifted.input:
        if name in made_by and made_by[name].op_type == "ReduceMean":
            centered = made_by[made_by[made_by[name].input[0]].input[0]]
            if centered.op_type == "Sub" and made_by[centered.input[1]].op_type == "ReduceMean":
                return centered.input[1], name
    return None


def _in_order(graph: GraphProto, after: dict[str, list[NodeProto]], first: NodeProto, last: NodeProto) -> None:
    """Insert nodes after those that compute the named tensors: ONNX requires its nodes in order of computation."""
    nodes = [first]
    for node in graph.node:
        nodes += [node, *(new for name in node.output for new in after.get(name, ()))]
    del graph.node[:]
    graph.node.extend([*nodes, last])


def _stft_as_convolution(graph: GraphProto) -> None:
    """Replace the STFT by one convolution, which takes half as long in ONNX Runtime."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    constants |= {
        node.output[0]: numpy_helper.to_array(node.attribute[0].t) for node in graph.node if node.op_type == "Constant"
    }
    found = [node for node in graph.node if node.op_type == "STFT"]
    if len(found) != 1 or not all(name in constants for name in found[0].input[1:]):
        raise NotCuttable(f"it has {len(found)} STFT nodes with constant windows, not 1")
    stft = found[0]
    hop, window, length = (constants[name] for name in stft.input[1:])
    kernels = _fourier_kernels(window.astype(np.float64), int(length))
    graph.initializer.extend(
        [
            numpy_helper.from_array(kernels, "stft_kernels"),
            numpy_helper.from_array(np.array([1, 1, -1], np.int64), "stft_signal_shape"),
            numpy_helper.from_array(np.array([1, 2, len(kernels) // 2, -1], np.int64), "stft_shape"),
        ]
    )
    nodes = [
        helper.make_node("Reshape", [stft.input[0], "stft_signal_shape"], ["stft_signal"]),
        helper.make_node(
            "Conv", ["stft_signal", "stft_kernels"], ["stft_sums"], strides=[int(hop)], kernel_shape=[int(length)]
        ),
        helper.make_node("Reshape", ["stft_sums", "stft_shape"], ["stft_parts"]),
        helper.make_node("Transpose", ["stft_parts"], [stft.output[0]], perm=[0, 3, 2, 1]),
    ]
    at = list(graph.node).index(stft)
    kept = [*graph.node[:at], *nodes, *graph.node[at + 1 :]]
    del graph.node[:]
    graph.node.extend(kept)


def _fourier_kernels(window: NDArray[np.float64], length: int) -> NDArray[np.float32]:
    """Return windowed cosines and negative sines of the bins 0 to length/2, shape (length + 2, 1, length)."""
    angles = 2 * np.pi * np.outer(np.arange(length // 2 + 1), np.arange(length)) / length
    real, imaginary = np.cos(angles) * window, -np.sin(angles) * window
    # The first and the last bin are real, and the network uses the raw phase. Their imaginary part needs the sign that
    # it has in ONNX Runtime's STFT, or negative values get the phase -pi instead of pi (2.5 dB of mel distance).
    imaginary[0], imaginary[-1] = -1e-7 * real[0], 1e-7 * np.abs(real[-1])
    return np.concatenate([real, imaginary])[:, None, :].astype(np.float32)
