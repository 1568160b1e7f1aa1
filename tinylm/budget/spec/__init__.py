"""What a budget says: limits, request, device."""
