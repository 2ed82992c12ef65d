"""LitServe around the predictors of a folder's tasks, for `serve_load.py`: batches are on, each task is asked once a batch."""

import json
import sys
from pathlib import Path
from typing import Any

import litserve
import torch

from quickstudy import load
from quickstudy.serve.limits import Limits
from quickstudy.serve.raw import examples_of, inputs_of


class Tasks(litserve.LitAPI):
    """All tasks of a learner; a request names one."""

    def setup(self, device: str) -> None:
        torch.set_num_threads(1)
        folder = Path(sys.argv[1])
        learner = load(folder / "learner")
        made = [examples_of(task, learner, Limits()) for task in json.loads((folder / "tasks.json").read_text())]
        self.predictors = [learner(support, names) for support, names in made]

    def decode_request(self, request: dict[str, Any]) -> tuple[int, Any]:
        return request["task"], request["query"]

    def batch(self, inputs: list[Any]) -> list[Any]:
        return list(inputs)

    def unbatch(self, output: list[Any]) -> list[Any]:
        return output

    def predict(self, asked: list[tuple[int, Any]]) -> list[Any]:
        places: dict[int, list[int]] = {}
        for place, (task, _) in enumerate(asked):
            places.setdefault(task, []).append(place)
        found: list[Any] = [None] * len(asked)
        for task, mine in places.items():
            predictor = self.predictors[task]
            rows = predictor.probabilities(inputs_of([asked[place][1] for place in mine], predictor.reads, Limits())).tolist()
            for place, row in zip(mine, rows, strict=True):
                found[place] = dict(zip(predictor.classes, row, strict=True))
        return found

    def encode_response(self, output: dict[str, float]) -> dict[str, Any]:
        best = max(output, key=output.get)
        return {"class": best, "probability": output[best], "probabilities": output}


if __name__ == "__main__":
    port, most, seconds, *fast = [*sys.argv[3:], *("64", "0.001", "no")[len(sys.argv) - 4 :]]
    api = Tasks(max_batch_size=int(most), batch_timeout=float(seconds))
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=fast == ["fast"])
    server.run(host="127.0.0.1", port=int(port), log_level="error", generate_client_file=False, access_log=False)
