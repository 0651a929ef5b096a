"""What the control process and its DNS workers say to each other: frames, sender and receiver, all sans-IO."""
