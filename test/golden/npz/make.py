"""Makes the files of this folder. Run: python3 make.py (NumPy 1.24)."""
import json
import os

import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
expected = {}


def describe(arrays):
    return {name: {"dtype": str(a.dtype.newbyteorder("=")), "shape": list(a.shape),
                   "values": [str(x) for x in a.astype(object).reshape(-1).tolist()]} for name, a in arrays.items()}


numbers = [0, 1, 5, 77]
types = {t: np.array(numbers, t) for t in ["float64", "float32", "float16", "int64", "int32", "int16", "int8",
                                           "uint64", "uint32", "uint16", "uint8", "bool"]}
types["least"] = np.array(-2**63, np.int64)
types["big"] = np.array([[1.5, -2], [3, 4]], ">f4")
types["fortran"] = np.asfortranarray(np.arange(24, dtype=np.float32).reshape(2, 3, 4))
types["none"] = np.zeros((0, 3), np.float32)
types["layer1.0.conv1.weight"] = np.ones((2, 1, 3, 3), np.float32)
np.savez(os.path.join(here, "types.npz"), **types)
np.savez_compressed(os.path.join(here, "compressed.npz"), **types)
expected["types.npz"] = expected["compressed.npz"] = describe(types)
np.savez(os.path.join(here, "unnamed.npz"), np.arange(3.0), np.eye(2))
expected["unnamed.npz"] = describe({"arr_0": np.arange(3.0), "arr_1": np.eye(2)})
np.save(os.path.join(here, "matrix.npy"), np.arange(6.0).reshape(2, 3).T)
expected["matrix.npy"] = describe({"arr_0": np.arange(6.0).reshape(2, 3).T})
with open(os.path.join(here, "version2.npy"), "wb") as f:
    np.lib.format.write_array(f, np.arange(3, dtype=np.uint8), version=(2, 0))
expected["version2.npy"] = describe({"arr_0": np.arange(3, dtype=np.uint8)})
for name, array in {"objects": np.array([{}, 1], object), "complex": np.array([1j]), "text": np.array(["ab"]),
                    "fields": np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")])}.items():
    np.save(os.path.join(here, f"{name}.npy"), array, allow_pickle=True)

with open(os.path.join(here, "expected.json"), "w") as f:
    json.dump(expected, f, indent=0)
    f.write("\n")
