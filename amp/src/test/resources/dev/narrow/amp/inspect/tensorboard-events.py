"""Makes tensorboard-events.txt: an event file in base64, written by the tensorboard package itself.

Four records: the version, two scalars, a histogram of octaves as EventFile.octaves defines it.
"""

import base64
import importlib.metadata
import io
import pathlib

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

WALL = 1700000000.25
out = io.BytesIO()
writer = RecordWriter(out)


def write(**fields):
    writer.write(event_pb2.Event(wall_time=WALL, **fields).SerializeToString())


def summary(step, **fields):
    value = summary_pb2.Summary.Value(**fields)
    write(step=step, summary=summary_pb2.Summary(value=[value]))


write(file_version="brain.Event:2")
summary(0, tag="flushed/fc1/weight", simple_value=0.0)
summary(300, tag="sqnr-db/fc2/activation-gradient", simple_value=57.25)

octaves = {-3: 5, -2: 0, -1: 300, 0: 7}
middles = {octave: octave + 0.5 for octave in octaves}
summary(
    1 << 40,
    tag="log2-magnitude/schicht-ä/weight-gradient",
    histo=summary_pb2.HistogramProto(
        min=-3,
        max=1,
        num=sum(octaves.values()),
        sum=sum(count * middles[octave] for octave, count in octaves.items()),
        sum_squares=sum(count * middles[octave] ** 2 for octave, count in octaves.items()),
        bucket_limit=[octave + 1 for octave in octaves],
        bucket=list(octaves.values()),
    ),
)
writer.flush()
text = base64.encodebytes(out.getvalue()).decode()
version = importlib.metadata.version("tensorboard")
target = pathlib.Path(__file__).with_suffix(".txt")
target.write_text(f"# tensorboard {version}; made by tensorboard-events.py\n{text}")
