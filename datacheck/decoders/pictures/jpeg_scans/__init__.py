"""The Huffman data of JPEG, walked bit by bit: what no encoder writes is damage, whatever a decoder makes of it."""
