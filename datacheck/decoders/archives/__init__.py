"""Archives of arrays: npz, what torch.save writes, safetensors."""
