"""Writes the Parquet files of the tests: images as Hugging Face's `datasets` stores them.

    pip install pyarrow pillow && python write.py
"""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def png(i, pad=0):
    """3 rows x 4 columns, all of one color: (i, 50, 60); and zeros, which no decoder looks at."""
    out = io.BytesIO()
    Image.new("RGB", (4, 3), (i, 50, 60)).save(out, "png")
    return out.getvalue() + bytes(pad)


def write(
    name, first, count, names=("cat", "dog", "owl"), label=lambda i: i % 3, broken=(), pad=0, **how
):
    images = [{"bytes": png(i, pad), "path": f"{i}.png"} for i in range(first, first + count)]
    for i in broken:
        images[i] = {"bytes": b"no image", "path": None} if i % 2 else None
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    labels = [label(i) for i in range(first, first + count)]
    table = pa.table({"image": pa.array(images, struct), "label": pa.array(labels)})
    if names:
        features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
        note = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": note})
    pq.write_table(table, name, **how)


write("train-00000-of-00002.parquet", 0, 20, compression="snappy", row_group_size=8)
write("train-00001-of-00002.parquet", 20, 10, compression="none", use_dictionary=False, write_batch_size=3, data_page_size=200)
write("test-00000-of-00001.parquet", 100, 6, compression="gzip", data_page_version="2.0", broken=(2, 3))
write("words.parquet", 0, 12, names=None, label=lambda i: ["owl", "cat"][i % 2])
write("zstd.parquet", 0, 4, compression="zstd")
write("wide.parquet", 0, 40, pad=30_000)
write("wide_plain.parquet", 0, 40, pad=30_000, use_dictionary=False, data_page_version="2.0")
write("null_label.parquet", 0, 4, names=None, label=lambda i: [None, "cat"][i % 2])
write("empty_label.parquet", 0, 4, names=None, label=lambda i: ["cat", "cat", "", "owl"][i])
