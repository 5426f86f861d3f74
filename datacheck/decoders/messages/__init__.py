"""Messages of protobuf and Arrow that hold records: recognised strictly, for nearly any bytes are some message."""
