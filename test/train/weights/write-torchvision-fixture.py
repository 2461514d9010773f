"""Writes torchvision-narrow.safetensors and .json: torchvision's own ResNet-50, two channels wide, with random weights, and what it computes.

By hand, with the packages in a virtual environment: pip install torch torchvision safetensors && python write-torchvision-fixture.py
"""
import base64
import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models.resnet import Bottleneck, ResNet

here = Path(__file__).parent
torch.manual_seed(7)


class Narrow(ResNet):
    """resnet50's own blocks and forward pass, with its channels divided by 32."""

    def __init__(self):
        super().__init__(Bottleneck, [1, 1, 1, 1], num_classes=5)
        self.inplanes = 2
        self.conv1 = nn.Conv2d(3, 2, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(2)
        self.layer1 = self._make_layer(Bottleneck, 2, 3)
        self.layer2 = self._make_layer(Bottleneck, 4, 4, stride=2)
        self.layer3 = self._make_layer(Bottleneck, 8, 6, stride=2)
        self.layer4 = self._make_layer(Bottleneck, 16, 3, stride=2)
        self.fc = nn.Linear(16 * Bottleneck.expansion, 5)


model = Narrow().eval()
with torch.no_grad():
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.uniform_(0.5, 1.2)
            module.bias.normal_(0, 0.1)
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.2)
    pixels = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = ((pixels / 255 - mean) / deviation).permute(0, 3, 1, 2)
    pooled = []
    model.avgpool.register_forward_hook(lambda module, inputs, output: pooled.append(output.flatten(1)))
    logits = model(x)

save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, here / "torchvision-narrow.safetensors")
(here / "torchvision-narrow.json").write_text(json.dumps({
    "pixels": base64.b64encode(pixels.numpy().tobytes()).decode(),
    "pooled": pooled[0].flatten().tolist(),
    "logits": logits.flatten().tolist(),
}))
