"""Backbones: encoders by name, our own and pretrained ones."""

from quickstudy.nn.backbones.catalogue import BACKBONES, Backbone, build, describe, names
from quickstudy.nn.backbones.efficientnet_grid import EfficientNetGrid
from quickstudy.nn.backbones.efficientnet_lite import EfficientNetLite0
from quickstudy.nn.backbones.efficientnet_maps import EfficientNetMaps
from quickstudy.nn.backbones.item_set import ItemSet
from quickstudy.nn.backbones.libraries import LIBRARIES, in_library
from quickstudy.nn.backbones.pretrained import Pretrained, known_weights
from quickstudy.nn.backbones.resnet12 import DropBlock, ResNet12
from quickstudy.nn.backbones.token_transformer import TokenTransformer
from quickstudy.nn.backbones.weights import PACKAGED, Weights, hash_of
from quickstudy.nn.backbones.word_states import WordStates

__all__ = [
    "BACKBONES",
    "LIBRARIES",
    "PACKAGED",
    "Backbone",
    "DropBlock",
    "EfficientNetGrid",
    "EfficientNetLite0",
    "EfficientNetMaps",
    "ItemSet",
    "Pretrained",
    "ResNet12",
    "TokenTransformer",
    "Weights",
    "WordStates",
    "build",
    "describe",
    "hash_of",
    "in_library",
    "known_weights",
    "names",
]
