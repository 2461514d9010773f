"""Writes keras-narrow.h5 and keras-narrow.json: Keras' own ResNet-50, two channels wide, with random weights, and what it computes.

By hand, with the packages in a virtual environment: pip install tensorflow-cpu==2.15.1 && python write-keras-fixture.py
"""
import base64
import json
from pathlib import Path

import numpy as np
from keras.src.applications import resnet

here = Path(__file__).parent
random = np.random.default_rng(7)


def stacks(x):
    """resnet.ResNet50's own, with its filters divided by 32."""
    x = resnet.stack1(x, 2, 3, stride1=1, name="conv2")
    x = resnet.stack1(x, 4, 4, name="conv3")
    x = resnet.stack1(x, 8, 6, name="conv4")
    return resnet.stack1(x, 16, 3, name="conv5")


model = resnet.ResNet(stacks, False, True, "narrow", include_top=True, weights=None, input_shape=(64, 64, 3), classes=5, classifier_activation=None)
for layer in model.layers:
    drawn = []
    for weight in layer.weights:
        shape = tuple(weight.shape)
        if "variance" in weight.name or "gamma" in weight.name:
            drawn.append(random.uniform(0.5, 1.2, shape))
        elif "kernel" in weight.name:
            drawn.append(random.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape))
        else:
            drawn.append(random.normal(0, 0.1, shape))
    layer.set_weights(drawn)
model.save_weights(here / "keras-narrow.h5")

pixels = random.integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
features = type(model)(model.input, [model.get_layer("avg_pool").output, model.output])
pooled, logits = features(resnet.preprocess_input(pixels.astype("float32")), training=False)
(here / "keras-narrow.json").write_text(json.dumps({
    "pixels": base64.b64encode(pixels.tobytes()).decode(),
    "pooled": np.asarray(pooled).flatten().tolist(),
    "logits": np.asarray(logits).flatten().tolist(),
}))
