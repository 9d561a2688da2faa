# Fits scikit-learn's MiniBatchKMeans to the rows of a file and tells how long reading and fitting took.
# usage: kmeans.py ROWS.f32 FEATURES K SEED CENTERS.f32 [name=value ...]
import ast
import sys
import time
import warnings

import numpy
from sklearn.cluster import MiniBatchKMeans

warnings.filterwarnings("ignore")
path, features, k, seed, centers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
options = {name: ast.literal_eval(value) for name, value in (pair.split("=", 1) for pair in sys.argv[6:])}
began = time.perf_counter()
rows = numpy.fromfile(path, dtype=numpy.float32).reshape(-1, features)
model = MiniBatchKMeans(n_clusters=k, random_state=seed, compute_labels=False, **options).fit(rows)
took = time.perf_counter() - began
model.cluster_centers_.astype(numpy.float32).tofile(centers)
print(took)
