"""Train, test and serve picture classifiers, described by Caffe-style jobs in YAML."""
