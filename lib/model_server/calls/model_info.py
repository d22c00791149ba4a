"""What the server says about its models: version states (ModelService) and signatures (GetModelMetadata)."""

from __future__ import annotations

from google.protobuf import json_format

from model_server import tensorflow_package
from model_server.calls.predict import fill_spec
from model_server.errors import invalid, not_found
from model_server.models.core import Core, ModelSpec

tensorflow_package.install()
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2  # noqa: E402


def status(core: Core, name: str, version: int | None) -> get_model_status_pb2.GetModelStatusResponse:
    """The states of a model's versions, newest first; of one version when it is given.

    Raises:
        ServingError: NOT_FOUND for a model or version that was never seen.
    """
    response = get_model_status_pb2.GetModelStatusResponse()
    states = core.states.versions(name)
    if version is not None:
        if version not in states:
            raise not_found(f"Could not find version {version} of model {name}")
        states = {version: states[version]}
    if not states:
        raise not_found(f"Could not find any versions of model {name}")
    for number in sorted(states, reverse=True):
        entry = response.model_version_status.add(version=number, state=states[number].state)
        error = states[number].error
        entry.status.error_code = error.code if error else 0
        entry.status.error_message = error.message if error else ""
    return response


def metadata(core: Core, spec: ModelSpec, fields: list[str]) -> get_model_metadata_pb2.GetModelMetadataResponse:
    """The signatures of a version, as an Any of SignatureDefMap.

    Raises:
        ServingError: no or an unknown field is asked for, or there is no such model.
    """
    if not fields:
        raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
    for field in fields:
        if field != "signature_def":
            raise invalid(f"Metadata field {field} is not supported")
    servable = core.find(spec)
    try:
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        fill_spec(response.model_spec, servable)
        response.metadata["signature_def"].Pack(_signature_map(servable))
        return response
    finally:
        servable.release()


def _signature_map(servable) -> get_model_metadata_pb2.SignatureDefMap:
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for key, signature in servable.signatures.items():
        signatures.signature_def[key].CopyFrom(signature)
    return signatures


def as_json(message) -> str:
    """A message in the JSON TensorFlow Serving answers: one-space indents, every field, proto names."""
    return json_format.MessageToJson(
        message, indent=1, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def metadata_json(core: Core, spec: ModelSpec) -> str:
    """The REST form of `metadata`, with the doubled `signature_def`."""
    response = metadata(core, spec, ["signature_def"])
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    spec_json, map_json = as_json(response.model_spec), as_json(signatures)
    return f'{{\n"model_spec":{spec_json}\n,\n"metadata": {{"signature_def": {map_json}}}\n}}\n'
