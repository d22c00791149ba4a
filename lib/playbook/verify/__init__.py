"""Verify: is this server what the playbook's advice takes TensorFlow Serving to be?"""
