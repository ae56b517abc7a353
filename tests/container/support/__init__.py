"""What the container tests stand on: an engine with storage of its own, and the images that it builds without a registry.

Everything that a run makes lies in one folder under build/, which is removed when the process ends, with containers, images,
networks and mounts. The clients and the polling are those of the integration tests.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "integration"))
