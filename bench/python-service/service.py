"""Image search as one would write it in an afternoon: the reference of bench/beside-python.ts.

uvicorn service:app --workers 2, with MODEL_FILE (.onnx), SHORT_SIDE, INPUT_SIZE and IMAGES (a folder of JPEGs to search).
"""
import io
import os
import time
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # otherwise it reports to its maker: src/embedding/no-telemetry.ts

import faiss
import numpy as np
import onnxruntime as ort
from fastapi import FastAPI, Request
from PIL import Image, ImageOps

short_side, size = int(os.environ["SHORT_SIDE"]), int(os.environ["INPUT_SIZE"])
options = ort.SessionOptions()
options.intra_op_num_threads = 1  # one worker per core
session = ort.InferenceSession(os.environ["MODEL_FILE"], options, providers=["CPUExecutionProvider"])
input_name = session.get_inputs()[0].name


def prepare(data: bytes) -> np.ndarray:
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    scale = short_side / min(image.size)
    image = image.resize([round(side * scale) for side in image.size], Image.Resampling.BILINEAR)
    left, top = (image.width - size) // 2, (image.height - size) // 2
    return np.asarray(image.crop((left, top, left + size, top + size)))[np.newaxis]


def embed(pixels: np.ndarray) -> np.ndarray:
    return session.run(["embedding"], {input_name: pixels})[0]


files = sorted(Path(os.environ["IMAGES"]).glob("*.jpg"))
vectors = np.concatenate([embed(prepare(file.read_bytes())) for file in files])
index = faiss.IndexHNSWFlat(vectors.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
index.hnsw.efSearch = 64
index.add(vectors)
faiss.omp_set_num_threads(1)
app = FastAPI()


@app.get("/readyz")
def ready() -> dict:
    return {"status": "ready"}


@app.post("/search")
async def search(request: Request, k: int = 10) -> dict:
    data = await request.body()
    marks = [time.perf_counter()]
    pixels = prepare(data)
    marks.append(time.perf_counter())
    vector = embed(pixels)
    marks.append(time.perf_counter())
    scores, slots = index.search(vector, k)
    marks.append(time.perf_counter())
    decode, network, lookup = (1000 * (after - before) for before, after in zip(marks, marks[1:]))
    return {
        "hits": [{"id": files[slot].stem, "score": float(score)} for slot, score in zip(slots[0], scores[0])],
        "durations": {"decodeMs": decode, "embedMs": network, "searchMs": lookup, "queueMs": 0},
    }
