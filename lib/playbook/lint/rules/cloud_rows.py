"""Rules of what clouds make of the server: the endpoints of SageMaker and Vertex AI, components of Kubeflow."""

from __future__ import annotations

# id, severity, message, remedy, source; line breaks stand where a sentence is longer than a line
# fmt: off
ROWS = (
    ("vertex-stock-image", "error",
     "Vertex AI asks the container on port 8080, and says in AIP_STORAGE_URI where the model lies: {image} as it is "
     "listens on 8501 and looks in /models/model, so it never becomes healthy.",
     "Give serving_container_args [\"--rest_api_port=8080\", \"--model_name=m\", "
     "\"--model_base_path=$(AIP_STORAGE_URI)\"], both routes (/v1/models/m and /v1/models/m:predict) and the port.",
     "Vertex AI: custom container requirements"),
    ("sagemaker-env-unread", "warning",
     "{name} is read by nobody: SageMaker's container of TensorFlow Serving has no such variable{near}.",
     "{right}",
     "sagemaker-tensorflow-serving-container, serve.py and tfs_utils.py"),
    ("sagemaker-batching-off", "warning",
     "{name} is read only where batching is on, and SAGEMAKER_TFS_ENABLE_BATCHING is {given}: nothing is batched.",
     "Set SAGEMAKER_TFS_ENABLE_BATCHING to 'true', too.",
     "sagemaker-tensorflow-serving-container, serve.py"),
    ("sagemaker-batching-word", "error",
     "SAGEMAKER_TFS_ENABLE_BATCHING={value}: SageMaker's container takes 'true' and 'false' alone, and ends on any "
     "other word.",
     "Write 'true'.",
     "sagemaker-tensorflow-serving-container, serve.py"),
    ("sagemaker-stock-image", "error",
     "SageMaker asks the container at /ping and /invocations on port 8080, and pulls from ECR alone: {image} as it is "
     "never becomes healthy.",
     "Take SageMaker's own image (sagemaker.image_uris.retrieve(\"tensorflow\", ...)), or TensorFlowModel.",
     "SageMaker: custom inference code"),
    ("component-without-python", "error",
     "{who} runs Python in {image}, which has none: the step fails before its first line.",
     "Build an image of python's with the server in it, or start the server's image as a container of its own.",
     "tools/docker/Dockerfile; Kubeflow: lightweight components"),
)
# fmt: on
