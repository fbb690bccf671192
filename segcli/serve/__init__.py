"""The HTTP service: pipelines behind PaddleX's routes and KServe's protocol, and a page to try them."""
