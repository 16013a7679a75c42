"""Spike2Former (Lei et al., AAAI 2025): a spiking transformer that segments pictures, as float networks of torch."""

from vistream.models.spike2former.loading import NAMES, load, save
from vistream.models.spike2former.model import Spike2Former
from vistream.models.spike2former.scores import semantic
from vistream.models.spike2former.segments import Instances, Panoptic, instances, panoptic

__all__ = ["NAMES", "Instances", "Panoptic", "Spike2Former", "instances", "load", "panoptic", "save", "semantic"]
