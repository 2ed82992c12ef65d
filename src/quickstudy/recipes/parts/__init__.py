"""What recipes are made of: their data, tasks, backbone and outer loop, and how their arguments become flags."""
