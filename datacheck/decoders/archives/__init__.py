"""Decode archives of arrays: .npz, the files of torch.save, and safetensors."""
