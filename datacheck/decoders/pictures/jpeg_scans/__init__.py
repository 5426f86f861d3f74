"""Walk the Huffman data of JPEG bit by bit: what no encoder writes is damage, whatever a decoder makes of it."""
